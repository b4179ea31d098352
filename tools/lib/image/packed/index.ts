/** The index of a packed partition (docs/formats/packed-partition.md). */

import { UserError } from '../../formats/error/user-error.ts';
import {
  count,
  listOf,
  matching,
  object,
  oneOf,
  parseJson,
  type Reader,
  text,
} from '../../formats/json/json.ts';

export const PACKED_VERSION = 1;
/** The size of a block. Blocks of zeros are in no extent. */
export const BLOCK_BYTES = 4096;
/** The image is cut into aligned chunks of this size. Each chunk with data has its own frame. */
export const CHUNK_BYTES = 4 << 20;

/** [offset, length] in bytes: in the image for extents, in the compressed file for frames. */
export type ByteRange = readonly [offsetBytes: number, lengthBytes: number];

export interface FileSystemInfo {
  readonly type: string;
  readonly label: string;
  readonly uuid: string;
}

export interface VerityInfo {
  /** Hexadecimal. */
  readonly rootHash: string;
  /** Hexadecimal. */
  readonly salt: string;
  readonly dataBytes: number;
  readonly hashOffsetBytes: number;
  readonly uuid: string;
}

/** Facts about a partition in addition to its bytes. */
export interface PartitionFacts {
  readonly fileSystem?: FileSystemInfo;
  readonly verity?: VerityInfo;
}

/** A chunk with data. The content of its frame is the data of its extents, without gaps. */
export interface PackedChunk {
  readonly offsetBytes: number;
  readonly extents: readonly ByteRange[];
  /** Its frame in the `.zst` file. */
  readonly zst: ByteRange;
  /** Its member in the `.gz` file; absent from every chunk if there is no such file. */
  readonly gz?: ByteRange;
}

export interface PackedIndex extends PartitionFacts {
  readonly version: typeof PACKED_VERSION;
  readonly sizeBytes: number;
  readonly blockBytes: typeof BLOCK_BYTES;
  readonly chunkBytes: number;
  /**
   * The digest of the raw image, with holes as zeros, in hexadecimal. Absent with `--no-checksum`.
   */
  readonly sha256?: string;
  readonly chunks: readonly PackedChunk[];
}

/** The compression of an archive or a file. */
export type Compression = 'zst' | 'gz';

/** Lists the extents of the image; neighbours are joined. */
export function dataExtents(index: PackedIndex): ByteRange[] {
  const extents: [number, number][] = [];
  for (const [offsetBytes, lengthBytes] of index.chunks.flatMap((chunk) => chunk.extents)) {
    const last = extents.at(-1);
    if (last !== undefined && last[0] + last[1] === offsetBytes) last[1] += lengthBytes;
    else extents.push([offsetBytes, lengthBytes]);
  }
  return extents;
}

/** Whether a partition was packed with a compression. A partition without data has all of them. */
export function hasCompression(index: PackedIndex, compression: Compression): boolean {
  return index.chunks[0]?.[compression] !== undefined || index.chunks.length === 0;
}

/** Returns the size of the compressed file that the index describes. */
export function compressedBytes(index: PackedIndex, compression: Compression): number {
  const last = index.chunks.at(-1)?.[compression];
  return last === undefined ? 0 : last[0] + last[1];
}

/** Formats an index with one chunk per line, so that two indexes can be compared. */
export function formatIndex(index: PackedIndex): string {
  const { chunks, ...rest } = index;
  const head = JSON.stringify(rest).slice(0, -1);
  return `${head},"chunks":[\n${chunks.map((chunk) => JSON.stringify(chunk)).join(',\n')}\n]}\n`;
}

const RANGE: Reader<ByteRange> = (value, place) => {
  const [offsetBytes, lengthBytes, ...rest] = listOf(count)(value, place);
  if (offsetBytes === undefined || lengthBytes === undefined || rest.length > 0) {
    return place.fail('expected [offset, length]');
  }
  return [offsetBytes, lengthBytes];
};

const DIGEST = matching(/^[0-9a-f]{64}$/, 'a SHA-256 digest of 64 hexadecimal digits');

/** The optional members of {@link PartitionFacts}. */
export const FACTS = {
  fileSystem: object({ type: text, label: text, uuid: text }),
  verity: object({ rootHash: text, salt: text, dataBytes: count, hashOffsetBytes: count, uuid: text }),
};

const CHUNK: Reader<PackedChunk> = object(
  { offsetBytes: count, extents: listOf(RANGE), zst: RANGE },
  { gz: RANGE },
);

const INDEX: Reader<PackedIndex> = object(
  {
    version: oneOf(PACKED_VERSION),
    sizeBytes: count,
    blockBytes: oneOf(BLOCK_BYTES),
    chunkBytes: count,
    chunks: listOf(CHUNK),
  },
  { sha256: DIGEST, ...FACTS },
);

function checkChunks(index: PackedIndex, fail: (rule: string) => never): void {
  const end = { image: 0, zst: 0, gz: 0 };
  for (const chunk of index.chunks) {
    if (chunk.offsetBytes % index.chunkBytes !== 0) fail(`the chunk at ${chunk.offsetBytes} is not aligned`);
    if (chunk.extents.length === 0) fail(`the chunk at ${chunk.offsetBytes} has no extents`);
    for (const [offsetBytes, lengthBytes] of chunk.extents) {
      const aligned = offsetBytes % BLOCK_BYTES === 0 && lengthBytes % BLOCK_BYTES === 0 && lengthBytes > 0;
      const inside =
        offsetBytes >= chunk.offsetBytes && offsetBytes + lengthBytes <= chunk.offsetBytes + index.chunkBytes;
      if (!aligned || !inside || offsetBytes < end.image)
        fail(`the extent at ${offsetBytes} is unaligned or out of order`);
      end.image = offsetBytes + lengthBytes;
    }
    for (const compression of ['zst', 'gz'] as const) {
      const range = chunk[compression];
      if ((range !== undefined) !== hasCompression(index, compression))
        fail(`some chunks have ${compression} frames and others have none`);
      if (range === undefined) continue;
      const [offsetBytes, lengthBytes] = range;
      if (offsetBytes !== end[compression])
        fail(`the ${compression} frames do not follow one another directly`);
      end[compression] = offsetBytes + lengthBytes;
    }
  }
  if (end.image > index.sizeBytes) fail('an extent extends past the end of the image');
}

/**
 * Parses an index.
 *
 * @param name the name of the file, for errors
 * @throws UserError if the text is not an index, or if the index contradicts itself
 */
export function parseIndex(json: string, name: string): PackedIndex {
  const file = `${name}: not the index of a packed partition`;
  const index = parseJson(json, file, INDEX);
  const fail = (rule: string): never => {
    throw new UserError(`${file}: ${rule}`);
  };
  if (index.sizeBytes % BLOCK_BYTES !== 0) fail(`sizeBytes is not a multiple of ${BLOCK_BYTES}`);
  if (index.chunkBytes === 0) fail('chunkBytes is 0');
  checkChunks(index, fail);
  return index;
}
