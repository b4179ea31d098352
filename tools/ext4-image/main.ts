import { parseArgs } from 'node:util';
import { writeWholeFile } from '../lib/block/write.ts';
import { required, runTool, SWITCH, TEXT } from '../lib/cli/cli.ts';
import { startCopyPool } from '../lib/file-system-image/copy.ts';
import { fileSystemSize, imageTarget, RAW_OPTION, TREE_OPTIONS } from '../lib/file-system-image/options.ts';
import { areArchives } from '../lib/file-system-image/place.ts';
import { selectFromLayers } from '../lib/file-system-image/tree.ts';
import { veritySalt } from '../lib/file-system-image/verity.ts';
import { openLayerFile } from '../lib/layer/file.ts';
import { formatEntryList } from '../lib/manifest/entries.ts';
import { parseUuid, uuidFromName } from '../lib/uuid/uuid.ts';
import { writeExt4Partition } from './partition.ts';

await runTool(async ({ args, output }) => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...TREE_OPTIONS,
      ...RAW_OPTION,
      uuid: TEXT,
      'hash-seed': TEXT,
      journal: SWITCH,
      verity: SWITCH,
      'verity-salt': TEXT,
      'verity-uuid': TEXT,
      'root-hash': TEXT,
    },
  });
  const identity = required(values.identity, 'identity');
  const identifier = (uuid: string | undefined, role: string) =>
    uuid === undefined ? uuidFromName(`${identity}#${role}`) : parseUuid(uuid, `--${role}`);
  const target = imageTarget(values, output);
  const entriesPath = values.entries === undefined ? undefined : output(values.entries);
  const rootHashPath = values.verity ? output(required(values['root-hash'], 'root-hash')) : undefined;
  const ext4 = {
    sizeBytes: fileSystemSize(values.size),
    uuid: identifier(values.uuid, 'uuid'),
    hashSeed: identifier(values['hash-seed'], 'hash-seed'),
    label: values.label ?? '',
    journal: values.journal,
    readOnly: values.verity,
  };
  const verity = values.verity
    ? {
        salt: veritySalt(values['verity-salt'], identity),
        uuid: identifier(values['verity-uuid'], 'verity-uuid'),
      }
    : undefined;
  const layers = values.layer.map(openLayerFile);
  // Digests for the list of entries need each file's bytes in order, on one thread.
  const pool = entriesPath === undefined && areArchives(layers) ? startCopyPool() : undefined;
  const { entries, rootHash } = await writeExt4Partition({
    tree: await selectFromLayers(layers, values),
    ext4,
    verity,
    target,
    // Beside the outputs: /tmp may be small, and may be memory.
    scratch: target.packed === undefined ? '' : output(`${target.packed.files.index}.raw`),
    pool,
  });
  await pool?.close();
  if (entriesPath !== undefined && entries !== undefined)
    writeWholeFile(entriesPath, formatEntryList(entries));
  if (rootHashPath !== undefined) writeWholeFile(rootHashPath, `${rootHash}\n`);
});
