import { parseArgs } from 'node:util';
import { writeWholeFile } from '../lib/formats/block/write.ts';
import { type ErofsOptions, ErofsWriter, planErofs } from '../lib/formats/erofs/erofs.ts';
import { type CopyPool, startCopyPool } from '../lib/image/file-system/copy.ts';
import { LABEL_OPTIONS, labelledTree } from '../lib/image/file-system/label.ts';
import { fileSystemSize, imageTarget, RAW_OPTION, TREE_OPTIONS } from '../lib/image/file-system/options.ts';
import { RawPartition } from '../lib/image/file-system/partition.ts';
import { areArchives, copyToPlaces } from '../lib/image/file-system/place.ts';
import {
  copyContents,
  listEntries,
  type SelectedTree,
  selectFromLayers,
} from '../lib/image/file-system/selection.ts';
import { identifiersOf, VERITY_OPTIONS, verityTarget } from '../lib/image/file-system/verity-options.ts';
import { openLayerFile } from '../lib/image/layer/file.ts';
import { type EntryList, formatEntryList } from '../lib/image/manifest/entries.ts';
import type { RecordingSink } from '../lib/image/packed/recording-sink.ts';
import { required, runTool, TEXT } from '../lib/runtime/cli/cli.ts';
import { keepYoungGenerationSmall } from '../lib/runtime/parallel/young-generation.ts';
import { parseClusterBytes, parseCompression } from './compression.ts';

/** Writes a file system without compression whose contents threads copy from where they lie. */
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
  // More than was written: blocks of zeros are left out again where the image is packed.
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
    options: {
      ...TREE_OPTIONS,
      ...RAW_OPTION,
      ...LABEL_OPTIONS,
      ...VERITY_OPTIONS,
      uuid: TEXT,
      compression: TEXT,
      'cluster-size': TEXT,
    },
  });
  const identity = required(values.identity, 'identity');
  const target = imageTarget(values, output);
  const entriesPath = values.entries === undefined ? undefined : output(values.entries);
  const verity = verityTarget(values, identity, output);
  const sizeBytes = fileSystemSize(values.size);
  const label = values.label ?? '';
  const uuid = identifiersOf(identity)(values.uuid, 'uuid');
  const compression = parseCompression(values.compression, parseClusterBytes(values['cluster-size']));
  const layers = values.layer.map(openLayerFile);
  // Digests for the list of entries, and compression, need each file's bytes in order, on one thread.
  const isCopied = entriesPath === undefined && compression === undefined && areArchives(layers);
  const pool = isCopied ? startCopyPool() : undefined;
  const tree = labelledTree(await selectFromLayers(layers, values), values);
  const image = new RawPartition({
    sizeBytes,
    verity: verity?.identity,
    target,
    // Beside the outputs: /tmp may be small, and may be memory.
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
