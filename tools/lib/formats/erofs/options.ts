import { UserError } from '../error/user-error.ts';
import { ALGORITHM, BLOCK_BYTES, MAXIMUM_CLUSTER_BYTES, NULL_BLOCK } from './layout.ts';
import { LABEL_BYTES } from './superblock.ts';

/** How the content of files is compressed, each file in pieces of its own. */
export interface ErofsCompression {
  readonly algorithm: 'zstd' | 'lz4';
  /** zstd: 1 to 22, 3 when not given. lz4: 1 to 12, 9 when not given; higher looks longer for matches. */
  readonly level?: number;
  /** How much content is compressed at once: a power of two, 8 KiB to 1 MiB; 64 KiB when not given. */
  readonly clusterBytes?: number;
}

export interface ErofsOptions {
  /** Size of the image, a multiple of 4096, zeros behind what is needed; no more than is needed when not given. */
  readonly sizeBytes?: number;
  readonly uuid: string;
  /** Volume name, up to 15 bytes. */
  readonly label?: string;
  /** The time of everything, seconds since 1970; 0 when not given. */
  readonly timeSeconds?: number;
  readonly compression?: ErofsCompression | undefined;
  /**
   * Whether what a file has beyond whole blocks is stored behind its inode; true when not given. Without, an image is larger by half a
   * block a file, and each content is one run, those of neighbours next to each other.
   */
  readonly inlineTails?: boolean;
}

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

const UUID_PATTERN = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const LEVELS = { zstd: { default: 3, maximum: 22 }, lz4: { default: 9, maximum: 12 } } as const;
const DEFAULT_CLUSTER_BYTES = 1 << 16;

function parseUuid(text: string): Uint8Array {
  if (UUID_PATTERN.test(text)) return Uint8Array.from(Buffer.from(text.replaceAll('-', ''), 'hex'));
  throw new UserError(
    `the EROFS UUID ${JSON.stringify(text)} is no UUID; give one like 01234567-89ab-cdef-0123-456789abcdef`,
  );
}

function checkLabel(label: string): Uint8Array {
  const bytes = Buffer.from(label);
  if (bytes.length < LABEL_BYTES && !label.includes('\0')) return Uint8Array.from(bytes);
  throw new UserError(
    `the EROFS label ${JSON.stringify(label)} has ${bytes.length} bytes, and ${LABEL_BYTES - 1} fit; shorten it`,
  );
}

function checkSize(sizeBytes: number): number {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0 || sizeBytes % BLOCK_BYTES !== 0) {
    throw new UserError(`the EROFS size of ${sizeBytes} bytes is no multiple of ${BLOCK_BYTES}; round it up`);
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
    throw new UserError(`the ${algorithm} level ${level} is not one; write 1 to ${levels.maximum}`);
  }
  const bits = Math.log2(clusterBytes);
  if (!Number.isInteger(bits) || clusterBytes < 2 * BLOCK_BYTES || clusterBytes > MAXIMUM_CLUSTER_BYTES) {
    throw new UserError(
      `EROFS clusters of ${clusterBytes} bytes: write a power of two from ${2 * BLOCK_BYTES} to ${MAXIMUM_CLUSTER_BYTES}`,
    );
  }
  return { algorithm, level, clusterBytes };
}

export function checkOptions(options: ErofsOptions): CheckedOptions {
  const { sizeBytes, timeSeconds = 0, compression } = options;
  if (!Number.isSafeInteger(timeSeconds) || timeSeconds < 0) {
    throw new UserError(`the time ${timeSeconds} does not fit into EROFS; give whole seconds since 1970`);
  }
  return {
    sizeBlocks: sizeBytes === undefined ? undefined : checkSize(sizeBytes),
    uuid: parseUuid(options.uuid),
    label: checkLabel(options.label ?? ''),
    timeSeconds,
    compression: compression === undefined ? undefined : checkCompression(compression),
    inlineTails: options.inlineTails ?? true,
  };
}
