import { type BlockSource, checkRange } from '../../lib/formats/block/block.ts';
import { UserError } from '../../lib/formats/error/user-error.ts';

/** The bytes of an image, and the holes that are known without reading. */
export interface ImageSource extends BlockSource {
  /**
   * The number of bytes from `offsetBytes` that are known to be zero; 0 if the bytes must be read
   * to find out. The result may be shorter than the whole run of zeros.
   */
  zeroBytes(offsetBytes: number): number;
  /**
   * Fills `bytes`, for callers that use a buffer several times. Present only if that saves work.
   */
  readInto?(offsetBytes: number, bytes: Uint8Array): void;
}

/** The limit for a single read, because a damaged image may claim any size. */
const LARGEST_READ_BYTES = 128 << 20;

/**
 * Wraps a source and checks every read, so that a damaged offset or length gives an error of one
 * line.
 *
 * @param name the image's name, for errors
 */
export function guarded(source: ImageSource, name: string): ImageSource {
  const check = (offsetBytes: number, lengthBytes: number): void => {
    if (!(offsetBytes >= 0 && lengthBytes >= 0 && offsetBytes + lengthBytes <= source.sizeBytes)) {
      throw new UserError(
        `${name}: it refers to byte ${offsetBytes + lengthBytes}, and ends at ${source.sizeBytes}: damaged or cut off`,
      );
    }
    if (lengthBytes > LARGEST_READ_BYTES) {
      throw new UserError(
        `${name}: one of its structures claims ${lengthBytes} bytes; at most ${LARGEST_READ_BYTES} are read at once`,
      );
    }
  };
  const { readInto } = source;
  return {
    sizeBytes: source.sizeBytes,
    zeroBytes: (offsetBytes) => source.zeroBytes(offsetBytes),
    read(offsetBytes, lengthBytes) {
      check(offsetBytes, lengthBytes);
      return source.read(offsetBytes, lengthBytes);
    },
    ...(readInto === undefined
      ? {}
      : {
          readInto(offsetBytes: number, bytes: Uint8Array): void {
            check(offsetBytes, bytes.length);
            readInto.call(source, offsetBytes, bytes);
          },
        }),
  };
}

/** A part of an image; offsets count from its own start. */
export function partOf(source: ImageSource, startBytes: number, sizeBytes: number): ImageSource {
  return {
    sizeBytes,
    zeroBytes: (offsetBytes) => Math.min(source.zeroBytes(startBytes + offsetBytes), sizeBytes - offsetBytes),
    read(offsetBytes, lengthBytes) {
      checkRange('read', offsetBytes, lengthBytes, sizeBytes);
      return source.read(startBytes + offsetBytes, lengthBytes);
    },
  };
}

/** A source without known holes. */
export function withoutHoles(source: BlockSource): ImageSource {
  return {
    sizeBytes: source.sizeBytes,
    zeroBytes: () => 0,
    read: (offsetBytes, lengthBytes) => source.read(offsetBytes, lengthBytes),
  };
}

/** A run of bytes with data: [offset, length]. */
export type DataExtent = readonly [offsetBytes: number, lengthBytes: number];

/** The last extent that begins at or before `offsetBytes`, or -1. */
export function extentAt(extents: readonly DataExtent[], offsetBytes: number): number {
  let low = 0;
  let high = extents.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((extents[middle] as DataExtent)[0] <= offsetBytes) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The length of the hole at `offsetBytes`; 0 inside an extent. */
export function holeBytes(extents: readonly DataExtent[], sizeBytes: number, offsetBytes: number): number {
  const index = extentAt(extents, offsetBytes);
  const extent = extents[index];
  if (extent !== undefined && offsetBytes < extent[0] + extent[1]) return 0;
  return (extents[index + 1]?.[0] ?? sizeBytes) - offsetBytes;
}

/** The size of the pieces in which a whole image is read. */
const PIECE_BYTES = 1 << 20;

/**
 * Reads a range in pieces of at most 1 MiB. A known hole is a piece with a length and without
 * bytes.
 */
export function* pieces(
  source: ImageSource,
  startBytes = 0,
  endBytes = source.sizeBytes,
): Generator<{ offsetBytes: number; lengthBytes: number; bytes: Uint8Array | undefined }> {
  for (let offsetBytes = startBytes; offsetBytes < endBytes; ) {
    const zeros = Math.min(source.zeroBytes(offsetBytes), endBytes - offsetBytes);
    if (zeros > 0) {
      yield { offsetBytes, lengthBytes: zeros, bytes: undefined };
      offsetBytes += zeros;
      continue;
    }
    const lengthBytes = Math.min(PIECE_BYTES - (offsetBytes % PIECE_BYTES), endBytes - offsetBytes);
    yield { offsetBytes, lengthBytes, bytes: source.read(offsetBytes, lengthBytes) };
    offsetBytes += lengthBytes;
  }
}

const ZEROS = Buffer.alloc(PIECE_BYTES);

/** Whether all bytes are zero; at most 1 MiB. */
export function isZero(bytes: Uint8Array): boolean {
  return ZEROS.subarray(0, bytes.length).equals(bytes);
}

/** Like {@link pieces}, with holes filled with zeros. */
export function* content(source: ImageSource): Generator<Uint8Array> {
  for (const { lengthBytes, bytes } of pieces(source)) {
    if (bytes !== undefined) yield bytes;
    else {
      for (let left = lengthBytes; left > 0; left -= PIECE_BYTES) {
        yield ZEROS.subarray(0, Math.min(left, PIECE_BYTES));
      }
    }
  }
}
