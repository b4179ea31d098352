import { rmSync } from 'node:fs';
import { FileImage } from '../lib/block/file.ts';
import { type Ext4Options, Ext4Writer } from '../lib/ext4/ext4.ts';
import type { CopyPool } from '../lib/file-system-image/copy.ts';
import { BLOCK_BYTES } from '../lib/file-system-image/copy-job.ts';
import { appendHashTree, hashTreeBytes } from '../lib/file-system-image/hash-tree.ts';
import type { ImageTarget } from '../lib/file-system-image/options.ts';
import { placeContents } from '../lib/file-system-image/place.ts';
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
  readonly target: ImageTarget;
  /** A file to make for the raw image where it is no output; it is gone afterwards. */
  readonly scratch: string;
  /** Threads that copy the contents, where all layers are archives as they are, and no list of entries is asked for. */
  readonly pool: CopyPool | undefined;
}

export interface Ext4Partition {
  /** With the digest of each file; `undefined` where threads copied them. */
  readonly entries: EntryList | undefined;
  readonly rootHash: string | undefined;
}

async function writeFileSystem(
  path: string,
  sink: RecordingSink,
  { tree, ext4, pool }: Ext4PartitionOptions,
): Promise<EntryList | undefined> {
  const writer = new Ext4Writer(
    sink,
    tree.entries.map(({ entry }) => entry),
    ext4,
  );
  if (pool === undefined) {
    const digests = await copyContents(tree, { open: (entry) => writer.openFile(entry.path) });
    writer.finish();
    return listEntries(tree, digests);
  }
  const blocks = await placeContents(pool, tree, writer, path, () => {});
  for (const { start, count } of blocks) sink.note(start * BLOCK_BYTES, count * BLOCK_BYTES);
  writer.finish();
  return undefined;
}

/** Writes the file system, its hash tree right behind it, and packs both where that is asked for. */
export async function writeExt4Partition(options: Ext4PartitionOptions): Promise<Ext4Partition> {
  const { ext4, verity, target } = options;
  const { sizeBytes } = ext4;
  const path = target.raw ?? options.scratch;
  const image = FileImage.create(path, sizeBytes + (verity === undefined ? 0 : hashTreeBytes(sizeBytes)));
  const sink = new RecordingSink(image);
  const entries = await writeFileSystem(path, sink, options);
  let verityInfo: VerityInfo | undefined;
  if (verity !== undefined) {
    const rootHash = await appendHashTree(path, sink, sizeBytes, sink.extents(), verity);
    verityInfo = { rootHash, ...verity, dataBytes: sizeBytes, hashOffsetBytes: sizeBytes };
  }
  if (target.packed !== undefined) {
    await packImageFiles(image, target.packed.files, {
      ...target.packed.levels,
      written: sink.extents(),
      facts: {
        fileSystem: { type: 'ext4', label: ext4.label, uuid: ext4.uuid },
        ...(verityInfo === undefined ? {} : { verity: verityInfo }),
      },
    });
  }
  image.close();
  if (target.raw === undefined) rmSync(path);
  return { entries, rootHash: verityInfo?.rootHash };
}
