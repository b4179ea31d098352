import type { BlockSink } from '../../formats/block/block.ts';
import { verityHashBytes } from '../../formats/verity/verity.ts';
import type { ByteRange } from '../packed/index.ts';
import { formatVerity } from '../verity/verity-file.ts';

/** Size of the hash tree of a file system of `dataBytes`, superblock included. */
export const hashTreeBytes = verityHashBytes;

/**
 * Writes the dm-verity hash tree of the first `dataBytes` of an image right behind them. All processors hash.
 *
 * @param imagePath the image's file, in which everything stands that was written
 * @param sink that writes into the image
 * @param written where the data was written, ascending; the rest is zeros and need not be read
 * @returns the root hash, hexadecimal
 */
export async function appendHashTree(
  imagePath: string,
  sink: BlockSink,
  dataBytes: number,
  written: readonly ByteRange[],
  { salt, uuid }: { readonly salt: string; readonly uuid: string },
): Promise<string> {
  const { rootHash } = await formatVerity(imagePath, sink, {
    dataBytes,
    hashOffsetBytes: dataBytes,
    salt: Buffer.from(salt, 'hex'),
    uuid,
    written,
  });
  return rootHash;
}
