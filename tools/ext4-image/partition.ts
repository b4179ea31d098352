import { type Ext4Options, Ext4Writer } from '../lib/formats/ext4/ext4.ts';
import type { CopyPool } from '../lib/image/file-system/copy.ts';
import { BLOCK_BYTES } from '../lib/image/file-system/copy-job.ts';
import type { ImageTarget } from '../lib/image/file-system/options.ts';
import { RawPartition, type WrittenPartition } from '../lib/image/file-system/partition.ts';
import { placeContents } from '../lib/image/file-system/place.ts';
import { copyContents, listEntries, type SelectedTree } from '../lib/image/file-system/selection.ts';
import type { VerityIdentity } from '../lib/image/file-system/verity-options.ts';
import type { EntryList } from '../lib/image/manifest/entries.ts';
import type { RecordingSink } from '../lib/image/packed/recording-sink.ts';

export interface Ext4PartitionOptions {
  readonly tree: SelectedTree;
  readonly ext4: Ext4Options;
  /** The identity of the hash tree; without it, no tree is written. */
  readonly verity: VerityIdentity | undefined;
  readonly target: ImageTarget;
  /** The file for the raw image if that is not an output; it is removed afterwards. */
  readonly scratch: string;
  /**
   * Threads that copy the contents. Absent if a layer is compressed, or if a list of entries is
   * requested.
   */
  readonly pool: CopyPool | undefined;
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
  const blocks = await placeContents(pool, tree, writer, path, () => writer.writeTree());
  for (const { start, count } of blocks) sink.note(start * BLOCK_BYTES, count * BLOCK_BYTES);
  writer.finish();
  return undefined;
}

/** Writes the file system and, if the options require them, the hash tree and the packed image. */
export async function writeExt4Partition(options: Ext4PartitionOptions): Promise<WrittenPartition> {
  const { sizeBytes, label, uuid } = options.ext4;
  const image = new RawPartition({ ...options, sizeBytes });
  const entries = await writeFileSystem(image.path, image.sink, options);
  const rootHash = await image.finish({ type: 'ext4', label, uuid });
  return { entries, rootHash };
}
