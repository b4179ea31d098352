import { rmSync } from 'node:fs';
import type { BlockSink } from '../lib/block/block.ts';
import { FileImage } from '../lib/block/file.ts';

import { type Ext4Options, Ext4Writer } from '../lib/ext4/ext4.ts';
import { appendHashTree, hashTreeBytes } from '../lib/file-system-image/hash-tree.ts';
import type { PackTarget } from '../lib/file-system-image/options.ts';
import { copyContents, listEntries, type SelectedTree } from '../lib/file-system-image/tree.ts';
import type { EntryList } from '../lib/manifest/entries.ts';
import { packImageFiles } from '../lib/packed/file.ts';
import type { VerityInfo } from '../lib/packed/index.ts';
import { RecordingSink } from '../lib/packed/recording-sink.ts';

export interface Ext4PartitionOptions {
  readonly tree: SelectedTree;
  readonly ext4: Ext4Options;
  /** Salt and UUID of the hash tree, hexadecimal; no tree without them. */
  readonly verity: { readonly salt: string; readonly uuid: string } | undefined;
  readonly target: PackTarget;
  /** A file to make for the raw image; it is gone afterwards. */
  readonly scratch: string;
}

export interface Ext4Partition {
  readonly entries: EntryList;
  readonly rootHash: string | undefined;
}

async function writeFileSystem(
  sink: BlockSink,
  tree: SelectedTree,
  options: Ext4Options,
): Promise<EntryList> {
  const writer = new Ext4Writer(
    sink,
    tree.entries.map(({ entry }) => entry),
    options,
  );
  const digests = await copyContents(tree, { open: ({ path }) => writer.openFile(path) });
  writer.finish();
  return listEntries(tree, digests);
}

/** Writes the file system, its hash tree right behind it, and packs both. */
export async function writeExt4Partition(options: Ext4PartitionOptions): Promise<Ext4Partition> {
  const { tree, ext4, verity, target, scratch } = options;
  const { sizeBytes } = ext4;
  const image = FileImage.create(scratch, sizeBytes + (verity === undefined ? 0 : hashTreeBytes(sizeBytes)));
  const sink = new RecordingSink(image);
  const entries = await writeFileSystem(sink, tree, ext4);
  let verityInfo: VerityInfo | undefined;
  if (verity !== undefined) {
    const rootHash = await appendHashTree(scratch, sink, sizeBytes, sink.extents(), verity);
    verityInfo = { rootHash, ...verity, dataBytes: sizeBytes, hashOffsetBytes: sizeBytes };
  }
  await packImageFiles(image, target.files, {
    ...target.levels,
    written: sink.extents(),
    facts: {
      fileSystem: { type: 'ext4', label: ext4.label, uuid: ext4.uuid },
      ...(verityInfo === undefined ? {} : { verity: verityInfo }),
    },
  });
  image.close();
  rmSync(scratch);
  return { entries, rootHash: verityInfo?.rootHash };
}
