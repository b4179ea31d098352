import { parseArgs } from 'node:util';
import { writeWholeFile } from '../lib/block/write.ts';
import { required, runTool, TEXT } from '../lib/cli/cli.ts';
import { type ErofsOptions, ErofsWriter } from '../lib/erofs/erofs.ts';
import { LABEL_OPTIONS, labelledTree } from '../lib/file-system-image/label.ts';
import { fileSystemSize, imageTarget, RAW_OPTION, TREE_OPTIONS } from '../lib/file-system-image/options.ts';
import {
  identifiersOf,
  VERITY_OPTIONS,
  verityTarget,
  writePartition,
} from '../lib/file-system-image/partition.ts';
import { copyContents, listEntries, type SelectedTree, selectTree } from '../lib/file-system-image/tree.ts';
import { type EntryList, formatEntryList } from '../lib/manifest/entries.ts';
import type { RecordingSink } from '../lib/packed/recording-sink.ts';
import { parseClusterBytes, parseCompression } from './compression.ts';

async function writeFileSystem(
  sink: RecordingSink,
  tree: SelectedTree,
  options: ErofsOptions,
): Promise<EntryList> {
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
  const tree = labelledTree(await selectTree(values), values);
  const { entries, rootHash } = await writePartition({
    sizeBytes,
    fileSystem: { type: 'erofs', label, uuid },
    verity: verity?.identity,
    target,
    // Beside the outputs: /tmp may be small, and may be memory.
    scratch: target.packed === undefined ? '' : output(`${target.packed.files.index}.raw`),
    write: (sink) => writeFileSystem(sink, tree, { sizeBytes, uuid, label, compression }),
  });
  if (entriesPath !== undefined && entries !== undefined) {
    writeWholeFile(entriesPath, formatEntryList(entries));
  }
  if (verity !== undefined) writeWholeFile(verity.rootHashPath, `${rootHash}\n`);
});
