import { UserError } from '../error/user-error.ts';
import { parseUuid, uuidToBytes } from '../uuid/uuid.ts';
import { ALGORITHM, BLOCK_BYTES, MAXIMUM_CLUSTER_BYTES, NULL_BLOCK, SUPERBLOCK } from './format.ts';

/** How the content of files is compressed. */
export interface ErofsCompression {
  readonly algorithm: 'zstd' | 'lz4';
  /**
   * zstd: 1 to 22, default 3. lz4: 1 to 12, default 9; a higher level searches longer for matches.
   */
  readonly level?: number;
  /** The size of the pieces of a file: a power of two from 8 KiB to 1 MiB, default 64 KiB. */
  readonly clusterBytes?: number;
}

export interface ErofsOptions {
  /**
   * The size of the image, a multiple of 4096, with zeros at the end. By default, the smallest
   * possible size.
   */
  readonly sizeBytes?: number;
  readonly uuid: string;
  /** Volume name, up to 15 bytes. */
  readonly label?: string;
  /** The time of every inode and of the image, in seconds since 1970; default 0. */
  readonly timeSeconds?: number;
  readonly compression?: ErofsCompression | undefined;
  /**
   * Whether the bytes of a file after its last whole block follow its inode; default true. If
   * false, the content of each file is one run, in path order, and the image grows by half a block
   * per file.
   */
  readonly inlineTails?: boolean;
}

/** Checked options, with defaults. */
export interface CheckedCompression {
  readonly algorithm: 'zstd' | 'lz4';
  readonly level: number;
  readonly clusterBytes: number;
}

export interface CheckedOptions {
  readonly sizeBlocks: number | undefined;
  readonly uuid: Uint8Array;
  readonly label: Uint8Array;
  readonly timeSeconds: number;
  readonly compression: CheckedCompression | undefined;
  readonly inlineTails: boolean;
}

/** volume_name needs room for a NUL at the end. */
const MAXIMUM_LABEL_BYTES = SUPERBLOCK.at.volume_name.lengthBytes - 1;
const LEVELS = { zstd: { default: 3, maximum: 22 }, lz4: { default: 9, maximum: 12 } } as const;
const DEFAULT_CLUSTER_BYTES = 1 << 16;

function checkLabel(label: string): Uint8Array {
  const bytes = Buffer.from(label);
  if (bytes.length <= MAXIMUM_LABEL_BYTES && !label.includes('\0')) return Uint8Array.from(bytes);
  throw new UserError(
    `the EROFS label ${JSON.stringify(label)} has ${bytes.length} bytes, and ${MAXIMUM_LABEL_BYTES} fit; shorten it`,
  );
}

function checkSize(sizeBytes: number): number {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0 || sizeBytes % BLOCK_BYTES !== 0) {
    throw new UserError(
      `the EROFS size of ${sizeBytes} bytes is not a multiple of ${BLOCK_BYTES}; round it up`,
    );
  }
  if (sizeBytes / BLOCK_BYTES >= NULL_BLOCK) {
    throw new UserError(`the EROFS size of ${sizeBytes} bytes is over the limit of 16 TiB; make it smaller`);
  }
  return sizeBytes / BLOCK_BYTES;
}

function checkCompression(compression: ErofsCompression): CheckedCompression {
  const { algorithm, clusterBytes = DEFAULT_CLUSTER_BYTES } = compression;
  const levels = Object.hasOwn(ALGORITHM, algorithm) ? LEVELS[algorithm] : undefined;
  if (levels === undefined) {
    throw new UserError(`EROFS compression ${JSON.stringify(algorithm)} is not supported; write zstd or lz4`);
  }
  const level = compression.level ?? levels.default;
  if (!Number.isInteger(level) || level < 1 || level > levels.maximum) {
    throw new UserError(`the ${algorithm} level ${level} does not exist; write 1 to ${levels.maximum}`);
  }
  const bits = Math.log2(clusterBytes);
  if (!Number.isInteger(bits) || clusterBytes < 2 * BLOCK_BYTES || clusterBytes > MAXIMUM_CLUSTER_BYTES) {
    throw new UserError(
      `EROFS clusters of ${clusterBytes} bytes are not supported; write a power of two from ${2 * BLOCK_BYTES} to ${MAXIMUM_CLUSTER_BYTES}`,
    );
  }
  return { algorithm, level, clusterBytes };
}

export function checkOptions(options: ErofsOptions): CheckedOptions {
  const { sizeBytes, timeSeconds = 0, compression } = options;
  if (!Number.isSafeInteger(timeSeconds) || timeSeconds < 0) {
    throw new UserError(`the time ${timeSeconds} does not fit in EROFS; give whole seconds since 1970`);
  }
  return {
    sizeBlocks: sizeBytes === undefined ? undefined : checkSize(sizeBytes),
    uuid: uuidToBytes(parseUuid(options.uuid, 'the EROFS UUID')),
    label: checkLabel(options.label ?? ''),
    timeSeconds,
    compression: compression === undefined ? undefined : checkCompression(compression),
    inlineTails: options.inlineTails ?? true,
  };
}
