/** Writes layers. The format is in docs/formats/layer.md. */

import { comparePaths, type Entry } from '../../formats/entry/entry.ts';
import { MemberWriter } from '../../formats/gzip/member-writer.ts';
import { PieceWriter } from '../../formats/pipeline/piece-writer.ts';
import { TAR_END, tarHeader, tarPadding } from '../../formats/tar/writer.ts';
import { FrameWriter } from '../../formats/zstd/frame-writer.ts';
import { type Content, type DeletionItem, deletionEntry, type PresentItem } from './item.ts';

export type { Content } from './item.ts';

/**
 * An item to write: an entry, with its content if it is a file that is not empty, or a deletion.
 */
export type LayerItem = (PresentItem & { readonly content?: Content }) | DeletionItem;

export interface LayerOptions {
  /**
   * The compression. `zstd` (default) is for the layers of this project. `gzip` and `none` are for
   * OCI layers that are read by tools without zstd.
   */
  readonly compression?: 'zstd' | 'gzip' | 'none';
  /** The level: 1 to 22 for zstd, default 3; 1 to 9 for gzip, default 6. */
  readonly level?: number;
}

interface Member {
  readonly entry: Entry;
  readonly content: Content | undefined;
}

function sortedMembers(items: Iterable<LayerItem>): Member[] {
  const members = Array.from(
    items,
    (item): Member =>
      item.kind === 'entry'
        ? { entry: item.entry, content: item.content }
        : { entry: deletionEntry(item), content: undefined },
  );
  members.sort((left, right) => comparePaths(left.entry.path, right.entry.path));
  members.forEach((member, index) => {
    const { entry } = member;
    if (members[index - 1]?.entry.path === entry.path)
      throw new RangeError(`${entry.path} occurs twice in one layer`);
    if (entry.type === 'hardlink' && comparePaths(entry.target, entry.path) >= 0) {
      throw new RangeError(`${entry.path} is a hard link to ${entry.target}, which sorts after it`);
    }
  });
  return members;
}

const UNCOMPRESSED_PIECE_BYTES = 1 << 20;

function layerWriter(
  emit: (bytes: Uint8Array) => void,
  { compression = 'zstd', ...options }: LayerOptions,
): PieceWriter {
  if (compression === 'zstd') return new FrameWriter(emit, options);
  if (compression === 'gzip') return new MemberWriter(emit, options);
  return new PieceWriter(emit, async (piece) => Uint8Array.from(piece), UNCOMPRESSED_PIECE_BYTES);
}

async function writeContent(frames: PieceWriter, { entry, content }: Member): Promise<void> {
  const sizeBytes = entry.type === 'file' ? entry.sizeBytes : 0;
  let written = 0;
  const chunks = content === undefined ? [] : content instanceof Uint8Array ? [content] : content();
  for await (const chunk of chunks) {
    written += chunk.length;
    if (written > sizeBytes) break;
    const wait = frames.write(chunk);
    if (wait !== undefined) await wait;
  }
  if (written !== sizeBytes) {
    throw new RangeError(
      `${entry.path} has ${sizeBytes} bytes in its entry, and ${written} or more in its content`,
    );
  }
  const wait = frames.write(tarPadding(sizeBytes));
  if (wait !== undefined) await wait;
}

/**
 * Writes a layer that consists of the items, which may be in any order.
 *
 * @param emit receives the bytes of the file, in order
 * @throws RangeError if a path occurs twice, if a hard link sorts before its target, or if the size
 *   of a content differs from its entry
 */
export async function writeLayer(
  emit: (bytes: Uint8Array) => void,
  items: Iterable<LayerItem>,
  options: LayerOptions = {},
): Promise<void> {
  const frames = layerWriter(emit, options);
  for (const member of sortedMembers(items)) {
    const wait = frames.write(tarHeader(member.entry));
    if (wait !== undefined) await wait;
    if (member.entry.type === 'file' && (member.entry.sizeBytes > 0 || member.content !== undefined)) {
      await writeContent(frames, member);
    }
  }
  await frames.write(TAR_END);
  await frames.finish();
}
