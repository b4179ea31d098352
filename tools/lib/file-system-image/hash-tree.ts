import type { BlockSink, BlockSource } from '../block/block.ts';
import type { ByteRange } from '../packed/index.ts';
import { VerityBuilder, verityHashBytes } from '../verity/verity.ts';

/** Data is read so many bytes at once. */
const READ_BYTES = 4 << 20;

/** Size of the hash tree of a file system of `dataBytes`, superblock included. */
export const hashTreeBytes = verityHashBytes;

/**
 * Writes the dm-verity hash tree of the first `dataBytes` of an image right behind them.
 *
 * @param written where the data was written, ascending; the rest is zeros and need not be read
 * @returns the root hash, hexadecimal
 */
export function appendHashTree(
  image: BlockSource,
  sink: BlockSink,
  dataBytes: number,
  written: readonly ByteRange[],
  { salt, uuid }: { readonly salt: string; readonly uuid: string },
): string {
  const builder = new VerityBuilder(sink, {
    dataBytes,
    hashOffsetBytes: dataBytes,
    salt: Buffer.from(salt, 'hex'),
    uuid,
  });
  let position = 0;
  for (const [offsetBytes, lengthBytes] of written) {
    builder.updateZeros(offsetBytes - position);
    const endBytes = offsetBytes + lengthBytes;
    for (position = offsetBytes; position < endBytes; ) {
      const bytes = image.read(position, Math.min(READ_BYTES, endBytes - position));
      builder.update(bytes);
      position += bytes.length;
    }
  }
  builder.updateZeros(dataBytes - position);
  return builder.finish().rootHash;
}
