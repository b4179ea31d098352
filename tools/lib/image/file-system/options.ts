import { normalizePath } from '../../formats/entry/entry.ts';
import { UserError } from '../../formats/error/user-error.ts';
import { LIST, required, SWITCH, TEXT } from '../../runtime/cli/cli.ts';
import { parseSize } from '../layout/size.ts';
import type { PackedFiles } from '../packed/file.ts';
import { BLOCK_BYTES } from '../packed/index.ts';
import type { PackOptions } from '../packed/pack.ts';

/**
 * The options for the files of a packed partition, and for its compression levels. Without `gz`,
 * only zstd archives can be made from the partition.
 */
export const PACK_OPTIONS = {
  zst: TEXT,
  gz: TEXT,
  index: TEXT,
  'zstd-level': TEXT,
  'gzip-level': TEXT,
  'no-checksum': SWITCH,
};

/** The option for the file of the raw image. */
export const RAW_OPTION = { raw: TEXT };

/** The options of every file-system tool: its contents and its names. */
export const TREE_OPTIONS = {
  ...PACK_OPTIONS,
  layer: LIST,
  subtree: TEXT,
  exclude: LIST,
  size: TEXT,
  label: TEXT,
  /** The stable name of the target. Identifiers that are not given are derived from it. */
  identity: TEXT,
  entries: TEXT,
};

type Values<Options> = { readonly [Option in keyof Options]?: string | string[] | boolean | undefined };

function text(value: string | string[] | boolean | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function level(value: string | string[] | boolean | undefined, option: string): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!Number.isInteger(number)) throw new UserError(`--${option}=${value}: write a whole number`);
  return number;
}

export interface PackTarget {
  readonly files: PackedFiles;
  readonly settings: Pick<PackOptions, 'zstdLevel' | 'gzipLevel' | 'digest'>;
}

/** Reads {@link PACK_OPTIONS}. Every file that they name is an output. */
export function packTarget(
  values: Values<typeof PACK_OPTIONS>,
  output: (path: string) => string,
): PackTarget {
  const zstdLevel = level(values['zstd-level'], 'zstd-level');
  const gzipLevel = level(values['gzip-level'], 'gzip-level');
  const gz = text(values.gz);
  return {
    files: {
      zst: output(required(text(values.zst), 'zst')),
      ...(gz === undefined ? {} : { gz: output(gz) }),
      index: output(required(text(values.index), 'index')),
    },
    settings: {
      digest: values['no-checksum'] !== true,
      ...(zstdLevel === undefined ? {} : { zstdLevel }),
      ...(gzipLevel === undefined ? {} : { gzipLevel }),
    },
  };
}

/** The outputs of a tool: the raw image (a sparse file), the packed image, or both. */
export interface ImageTarget {
  readonly raw: string | undefined;
  readonly packed: PackTarget | undefined;
}

/**
 * Reads {@link RAW_OPTION} and {@link PACK_OPTIONS}, which are required only if no raw image is
 * requested.
 */
export function imageTarget(
  values: Values<typeof PACK_OPTIONS & typeof RAW_OPTION>,
  output: (path: string) => string,
): ImageTarget {
  const raw = text(values.raw);
  const isPacked =
    raw === undefined || [values.zst, values.gz, values.index].some((path) => path !== undefined);
  return {
    raw: raw === undefined ? undefined : output(raw),
    packed: isPacked ? packTarget(values, output) : undefined,
  };
}

/**
 * Reads the size of a file system. It must be a multiple of the block size, because partitions are
 * packed in whole blocks.
 */
export function fileSystemSize(size: string | undefined): number {
  const sizeBytes = parseSize(required(size, 'size'), '--size');
  if (sizeBytes % BLOCK_BYTES === 0) return sizeBytes;
  throw new UserError(
    `--size: ${sizeBytes} bytes are not a multiple of the block size of ${BLOCK_BYTES} bytes; ` +
      `make it ${Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES}`,
  );
}

/** Converts an absolute path of the command line into the path of an entry. */
export function treePath(path: string, option: string): string {
  const normal = path.startsWith('/') ? normalizePath(path) : undefined;
  if (normal === undefined) throw new UserError(`--${option}=${path}: write an absolute path without ".."`);
  return normal;
}

/**
 * Reads exclusion patterns: `/boot` leaves out the directory and its contents, `/boot/*` only its
 * contents.
 */
export function exclusion(patterns: readonly string[]): (path: string) => boolean {
  const whole = new Set<string>();
  const inside = new Set<string>();
  for (const pattern of patterns) {
    if (pattern.endsWith('/*')) inside.add(treePath(pattern.slice(0, -1), 'exclude'));
    else whole.add(treePath(pattern, 'exclude'));
  }
  return (path) => whole.has(path) || inside.has(path.slice(0, Math.max(0, path.lastIndexOf('/'))));
}
