import type { ErofsCompression } from '../lib/formats/erofs/erofs.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import { parseSize } from '../lib/image/layout/size.ts';

const COMPRESSION = /^(zstd|lz4)(?:,([0-9]+))?$/;

/** Reads the size of the pieces that are compressed. */
export function parseClusterBytes(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseSize(text, '--cluster-size');
}

/**
 * Reads `none`, `zstd` or `lz4`, or an algorithm, a comma and a level, in the syntax of mkfs.erofs.
 */
export function parseCompression(
  text: string | undefined,
  clusterBytes: number | undefined,
): ErofsCompression | undefined {
  if (text === undefined || text === 'none') return undefined;
  const [, algorithm, level] = COMPRESSION.exec(text) ?? [];
  if (algorithm !== 'zstd' && algorithm !== 'lz4') {
    throw new UserError(`--compression=${text}: write none, zstd or lz4, or zstd,LEVEL or lz4,LEVEL`);
  }
  return {
    algorithm,
    ...(level === undefined ? {} : { level: Number(level) }),
    ...(clusterBytes === undefined ? {} : { clusterBytes }),
  };
}
