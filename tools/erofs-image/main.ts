import { parseArgs } from 'node:util';
import { writeWholeFile } from '../lib/formats/block/write.ts';
import { type ErofsOptions, ErofsWriter, planErofs } from '../lib/formats/erofs/erofs.ts';
import { type CopyPool, startCopyPool } from '../lib/image/file-system/copy.ts';
import { labelledTree } from '../lib/image/file-system/label.ts';
import { fileSystemSize } from '../lib/image/file-system/options.ts';
import { RawPartition } from '../lib/image/file-system/partition.ts';
import { PARTITION_OPTIONS, partitionOutputs } from '../lib/image/file-system/partition-options.ts';
import { areArchives, copyToPlaces } from '../lib/image/file-system/place.ts';
import {
  copyContents,
  listEntries,
  type SelectedTree,
  selectFromLayers,
} from '../lib/image/file-system/selection.ts';
import { openLayerFile } from '../lib/image/layer/file.ts';
import { type EntryList, formatEntryList } from '../lib/image/manifest/entries.ts';
import type { RecordingSink } from '../lib/image/packed/recording-sink.ts';
import { runTool, TEXT } from '../lib/runtime/cli/cli.ts';
import { keepYoungGenerationSmall } from '../lib/runtime/parallel/young-generation.ts';
import { parseClusterBytes, parseCompression } from './compression.ts';

/** Writes a file system without compression. Threads copy the contents from the archives. */
async function copyFileSystem(
  path: string,
  sink: RecordingSink,
  tree: SelectedTree,
  options: ErofsOptions,
  pool: CopyPool,
): Promise<void> {
  const plan = planErofs(
    tree.entries.map(({ entry }) => entry),
    options,
  );
  const target = {
    dataOffsetBytes: plan.dataOffsetBytes,
    placeOf: (file: string) => plan.placeOf(plan.indexOf(file) as number),
  };
  await copyToPlaces(pool, tree, target, path, () => {
    for (const { offsetBytes, bytes } of plan.metadata()) sink.write(offsetBytes, bytes);
  });
  // This includes ranges that were not written: packing leaves out blocks of zeros.
  sink.note(0, plan.usedBytes);
}

async function writeFileSystem(
  path: string,
  sink: RecordingSink,
  tree: SelectedTree,
  options: ErofsOptions,
  pool: CopyPool | undefined,
): Promise<EntryList | undefined> {
  if (pool !== undefined) {
    await copyFileSystem(path, sink, tree, options, pool);
    return undefined;
  }
  const writer = new ErofsWriter(
    sink,
    tree.entries.map(({ entry }) => entry),
    options,
  );
  const digests = await copyContents(tree, { open: ({ path }) => writer.openFile(path) });
  writer.finish();
  return listEntries(tree, digests);
}

await runTool(async ({ args, output }) => {
  keepYoungGenerationSmall();
  const { values } = parseArgs({
    args: [...args],
    options: { ...PARTITION_OPTIONS, compression: TEXT, 'cluster-size': TEXT },
  });
  const { identifier, target, entriesPath, verity } = partitionOutputs(values, output);
  const sizeBytes = fileSystemSize(values.size);
  const label = values.label ?? '';
  const uuid = identifier(values.uuid, 'uuid');
  const compression = parseCompression(values.compression, parseClusterBytes(values['cluster-size']));
  const layers = values.layer.map(openLayerFile);
  // Digests for the list of entries, and compression, need the bytes of each file in order, on one
  // thread.
  const isCopied = entriesPath === undefined && compression === undefined && areArchives(layers);
  const pool = isCopied ? startCopyPool() : undefined;
  const tree = labelledTree(await selectFromLayers(layers, values), values);
  const image = new RawPartition({
    sizeBytes,
    verity: verity?.identity,
    target,
    // The scratch file is in the folder of the outputs, because /tmp may be small or in memory.
    scratch: target.packed === undefined ? '' : output(`${target.packed.files.index}.raw`),
  });
  const options = { sizeBytes, uuid, label, compression };
  const entries = await writeFileSystem(image.path, image.sink, tree, options, pool);
  const rootHash = await image.finish({ type: 'erofs', label, uuid });
  await pool?.close();
  if (entriesPath !== undefined && entries !== undefined) {
    writeWholeFile(entriesPath, formatEntryList(entries));
  }
  if (verity !== undefined) writeWholeFile(verity.rootHashPath, `${rootHash}\n`);
});
