import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { UserError } from '../lib/formats/error/user-error.ts';
import { derivedUuid } from '../lib/formats/uuid/identity.ts';
import { parseUuid } from '../lib/formats/uuid/uuid.ts';
import { parseLayout } from '../lib/image/layout/layout.ts';
import { parseSize } from '../lib/image/layout/size.ts';
import { ARCHIVE_OPTIONS, readPackedPartition, writeArchives } from '../lib/image/packed/archive.ts';
import { startUnpackPool } from '../lib/image/packed/unpack-parallel.ts';
import { LIST, nameValuePairs, required, runTool, TEXT } from '../lib/runtime/cli/cli.ts';
import { planDisk, writeDiskArchive, writeRawDisk } from './disk.ts';

/** Returns the given GUID, or the one derived from the stable name of the target. */
function diskUuid(guid: string | undefined, identity: string | undefined): string {
  if (guid !== undefined) return parseUuid(guid, '--disk-guid');
  return derivedUuid(required(identity, 'identity'), 'disk-guid');
}

await runTool(async ({ args, output }) => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      layout: TEXT,
      identity: TEXT,
      'disk-guid': TEXT,
      'expanded-size': TEXT,
      partition: LIST,
      raw: TEXT,
      ...ARCHIVE_OPTIONS,
    },
  });
  const { raw } = values;
  const pool = raw === undefined ? undefined : startUnpackPool();
  const layoutPath = required(values.layout, 'layout');
  const partitions = nameValuePairs(values.partition, 'partition');
  const images = new Map(partitions.map(([name, path]) => [name, readPackedPartition(path)]));
  if (images.size < partitions.length)
    throw new UserError('--partition: two images for one partition; name each partition once');
  const expandedSize = values['expanded-size'];
  const plan = planDisk({
    layout: parseLayout(readFileSync(layoutPath, 'utf8'), layoutPath),
    diskUuid: diskUuid(values['disk-guid'], values.identity),
    images,
    ...(expandedSize === undefined ? {} : { sizeBytes: parseSize(expandedSize, '--expanded-size') }),
  });
  if (raw !== undefined && pool !== undefined) {
    await writeRawDisk(plan, output(raw), pool);
    await pool.close();
    if (values.zst === undefined && values.gz === undefined) return;
  }
  await writeArchives(values, output, [...images.values()], (archive) => writeDiskArchive(plan, archive));
});
