import { parseArgs } from 'node:util';
import { writeWholeFile } from '../lib/block/write.ts';
import { required, runTool, TEXT } from '../lib/cli/cli.ts';
import { UserError } from '../lib/error/user-error.ts';
import type { FatType } from '../lib/fat/fat.ts';
import { fileSystemSize, imageTarget, RAW_OPTION, TREE_OPTIONS } from '../lib/file-system-image/options.ts';
import { selectTree } from '../lib/file-system-image/tree.ts';
import { formatEntryList } from '../lib/manifest/entries.ts';
import { serialFromName } from '../lib/uuid/uuid.ts';
import { writeVfatPartition } from './partition.ts';

const TYPES: Readonly<Record<string, FatType>> = { fat12: 'fat12', fat16: 'fat16', fat32: 'fat32' };

function parseType(text: string | undefined): FatType | undefined {
  if (text === undefined) return undefined;
  const type = TYPES[text];
  if (type === undefined) throw new UserError(`--type=${text}: there are ${Object.keys(TYPES).join(', ')}`);
  return type;
}

function parseVolumeId(text: string | undefined, identity: string): number {
  if (text === undefined) return serialFromName(`${identity}#volume-id`);
  if (!/^[0-9a-f]{8}$/i.test(text))
    throw new UserError(`--volume-id=${text}: write eight hexadecimal digits`);
  return Number.parseInt(text, 16);
}

await runTool(async ({ args, output }) => {
  const { values } = parseArgs({
    args: [...args],
    options: { ...TREE_OPTIONS, ...RAW_OPTION, type: TEXT, 'volume-id': TEXT },
  });
  const identity = required(values.identity, 'identity');
  const target = imageTarget(values, output);
  const entriesPath = values.entries === undefined ? undefined : output(values.entries);
  const type = parseType(values.type);
  const entries = await writeVfatPartition({
    tree: await selectTree(values),
    fat: {
      sizeBytes: fileSystemSize(values.size),
      label: values.label ?? '',
      volumeId: parseVolumeId(values['volume-id'], identity),
      ...(type === undefined ? {} : { type }),
    },
    target,
    scratch: target.packed === undefined ? '' : output(`${target.packed.files.index}.raw`),
    isListed: entriesPath !== undefined,
  });
  if (entriesPath !== undefined && entries !== undefined) {
    writeWholeFile(entriesPath, formatEntryList(entries));
  }
});
