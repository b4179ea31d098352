import { parseArgs } from 'node:util';
import { writeWholeFile } from '../lib/formats/block/write.ts';
import { startCopyPool } from '../lib/image/file-system/copy.ts';
import { labelledTree, withLostAndFound } from '../lib/image/file-system/label.ts';
import { PARTITION_OPTIONS, partitionOutputs } from '../lib/image/file-system/partition-options.ts';
import { areArchives } from '../lib/image/file-system/place.ts';
import { selectFromLayers } from '../lib/image/file-system/selection.ts';
import { openLayerFile } from '../lib/image/layer/file.ts';
import { formatEntryList } from '../lib/image/manifest/entries.ts';
import { runTool, SWITCH, TEXT } from '../lib/runtime/cli/cli.ts';
import { keepYoungGenerationSmall } from '../lib/runtime/parallel/young-generation.ts';
import { writeExt4Partition } from './partition.ts';
import { EXT4_ROOM_OPTIONS, roomOf, sizeOf } from './room.ts';

await runTool(async ({ args, output }) => {
  keepYoungGenerationSmall();
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...PARTITION_OPTIONS,
      'hash-seed': TEXT,
      journal: SWITCH,
      ...EXT4_ROOM_OPTIONS,
    },
  });
  const { identifier, target, entriesPath, verity } = partitionOutputs(values, output);
  const ext4 = {
    uuid: identifier(values.uuid, 'uuid'),
    hashSeed: identifier(values['hash-seed'], 'hash-seed'),
    label: values.label ?? '',
    journal: values.journal,
    readOnly: values.verity,
    ...roomOf(values),
  };
  const layers = values.layer.map(openLayerFile);
  // Digests for the list of entries need the bytes of each file in order, on one thread.
  const pool = entriesPath === undefined && areArchives(layers) ? startCopyPool() : undefined;
  const selected = await selectFromLayers(layers, values);
  const labelled = values['file-contexts'].length > 0;
  const tree = labelledTree(labelled ? withLostAndFound(selected) : selected, values);
  const { entries, rootHash } = await writeExt4Partition({
    tree,
    ext4: { ...ext4, sizeBytes: sizeOf(values, tree, ext4) },
    verity: verity?.identity,
    target,
    // The scratch file is in the folder of the outputs, because /tmp may be small or in memory.
    scratch: target.packed === undefined ? '' : output(`${target.packed.files.index}.raw`),
    pool,
  });
  await pool?.close();
  if (entriesPath !== undefined && entries !== undefined)
    writeWholeFile(entriesPath, formatEntryList(entries));
  if (verity !== undefined) writeWholeFile(verity.rootHashPath, `${rootHash}\n`);
});
