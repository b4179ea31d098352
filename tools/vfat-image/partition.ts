import { NO_XATTRS } from '../lib/formats/entry/entry.ts';
import { type FatFileWriter, type FatOptions, FatWriter, formatVolumeId } from '../lib/formats/fat/fat.ts';
import type { ImageTarget } from '../lib/image/file-system/options.ts';
import { RawPartition } from '../lib/image/file-system/partition.ts';
import { copyContents, listEntries, type SelectedTree } from '../lib/image/file-system/selection.ts';
import { streamContents } from '../lib/image/layer/content.ts';
import type { EntryList } from '../lib/image/manifest/entries.ts';

const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;

export interface VfatPartitionOptions {
  readonly tree: SelectedTree;
  readonly fat: FatOptions;
  readonly target: ImageTarget;
  /** A file that is created for the raw image if it is not an output, and deleted afterwards. */
  readonly scratch: string;
  /** Whether to return the list of entries, with the digest of each file. */
  readonly isListed: boolean;
}

/** Replaces owners, modes and attributes, which FAT does not store, by those that a mount shows. */
function keptByFat(tree: SelectedTree): SelectedTree {
  return {
    ...tree,
    entries: tree.entries.map((merged) => {
      const mode = merged.entry.type === 'directory' ? DIRECTORY_MODE : FILE_MODE;
      return { ...merged, entry: { ...merged.entry, mode, uid: 0, gid: 0, xattrs: NO_XATTRS } };
    }),
  };
}

/** Copies the contents, and computes no digests. */
async function copyPlainly(tree: SelectedTree, writer: FatWriter): Promise<void> {
  let file: FatFileWriter | undefined;
  await streamContents(tree.entries, (entry, positionBytes, bytes) => {
    if (positionBytes === 0) file = writer.openFile(entry.path);
    file?.write(bytes);
    if (positionBytes + bytes.length === entry.sizeBytes) file?.close();
  });
}

/** Writes the volume, and packs it if requested. */
export async function writeVfatPartition(options: VfatPartitionOptions): Promise<EntryList | undefined> {
  const { fat, target, scratch, isListed } = options;
  const tree = keptByFat(options.tree);
  const image = new RawPartition({ sizeBytes: fat.sizeBytes, verity: undefined, target, scratch });
  const writer = new FatWriter(
    image.sink,
    tree.entries.map(({ entry }) => entry),
    fat,
  );
  const digests = isListed
    ? await copyContents(tree, { open: (entry) => writer.openFile(entry.path) })
    : await copyPlainly(tree, writer);
  const { type } = writer.finish();
  await image.finish({ type, label: fat.label, uuid: formatVolumeId(fat.volumeId) });
  return digests === undefined ? undefined : listEntries(tree, digests);
}
