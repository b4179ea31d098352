/** Reads the changes that the steps made to the image, as items of a layer. */
import type { BlockSource } from '../../formats/block/block.ts';
import { baseName } from '../../formats/entry/entry.ts';
import { UserError } from '../../formats/error/user-error.ts';
import { type Ext4Reader, readExt4 } from '../../formats/ext4/reader.ts';
import type { LayerItem } from '../layer/writer.ts';
import { type Change, findChanges, type ListedEntry } from './difference.ts';
import { digestOf, type StepImage } from './image.ts';

/**
 * Names with this prefix mean a deletion in a layer, so a layer cannot hold files with such names.
 */
const WHITEOUT_PREFIX = '.wh.';

function* list(reader: Ext4Reader): Generator<ListedEntry> {
  for (const { entry, inodeNumber, changeTime } of reader.walk()) {
    // Tar cannot store sockets, so a layer cannot hold them.
    if (entry.type === 'socket') continue;
    // The image was written with time 0. The kernel sets the change time with every change of an
    // inode.
    const isTouched = changeTime.seconds !== 0 || changeTime.nanoseconds !== 0;
    yield { entry, inode: inodeNumber, isTouched };
  }
}

/** Lists the image before the steps run. */
export function listImage(source: BlockSource): ListedEntry[] {
  return [...list(readExt4(source))];
}

function layerItem(reader: Ext4Reader, change: Change, inodes: ReadonlyMap<string, number>): LayerItem {
  if (change.kind === 'whiteout') return change;
  const { entry } = change;
  if (baseName(entry.path).startsWith(WHITEOUT_PREFIX)) {
    throw new UserError(
      `a step made /${entry.path}: a layer cannot hold names that begin with ${WHITEOUT_PREFIX}`,
    );
  }
  if (entry.type !== 'file') return change;
  const inode = inodes.get(entry.path);
  if (inode === undefined) throw new Error(`${entry.path} is not on the image`);
  return { ...change, content: () => reader.readFile(inode) };
}

/**
 * Compares the image after the steps with the list from before.
 *
 * @param source the image after the steps; read again when the contents of the items are read
 * @param before the result of {@link listImage} before the steps
 */
export function collectChanges(
  source: BlockSource,
  before: readonly ListedEntry[],
  { digests, additions }: StepImage,
): LayerItem[] {
  const reader = readExt4(source);
  const isOfLayers = ({ entry }: ListedEntry): boolean => !additions.has(entry.path);
  const after = [...list(reader)].filter(isOfLayers);
  const changes = findChanges(before.filter(isOfLayers), after, (original, file) => {
    return digests.get(original.entry.path) === digestOf(reader.readFile(file.inode));
  });
  const inodes = new Map(after.map(({ entry, inode }) => [entry.path, inode]));
  return changes.map((change) => layerItem(reader, change, inodes));
}
