/**
 * Assembles archives from packed partitions: new data (tar headers, sparse maps, partition tables)
 * becomes separate frames, and the compressed data of partitions is copied unchanged.
 */

import { closeSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { writeFully, writeWholeFile } from '../../formats/block/write.ts';
import { UserError } from '../../formats/error/user-error.ts';
import { gzipMember } from '../../formats/gzip/member.ts';
import { zstdFrame } from '../../formats/zstd/compress.ts';
import { SWITCH, TEXT } from '../../runtime/cli/cli.ts';
import { readIndexFile } from './file.ts';
import { type StreamHash, streamHash } from './hashing.ts';
import { type Compression, compressedBytes, hasCompression, type PackedIndex } from './index.ts';

const COPY_BYTES = 1 << 20;

/**
 * A packed partition in files: `NAME.json`, `NAME.img.zst`, and `NAME.img.gz` if it was requested.
 */
export interface PackedPartition {
  readonly indexPath: string;
  readonly index: PackedIndex;
}

/** Returns the path of its compressed data. */
export function packedFilePath({ indexPath }: PackedPartition, compression: Compression): string {
  return `${indexPath.slice(0, -'.json'.length)}.img.${compression}`;
}

export function readPackedPartition(indexPath: string): PackedPartition {
  if (!indexPath.endsWith('.json'))
    throw new UserError(`${indexPath}: the index of a packed partition is named NAME.json`);
  return { indexPath, index: readIndexFile(indexPath) };
}

/** Writes one compressed archive from front to back, and its checksum file. */
export class ArchiveFile {
  readonly #path: string;
  readonly #compression: Compression;
  readonly #descriptor: number;
  readonly #hash: StreamHash | undefined;

  /**
   * @param expectedBytes the approximate size of the archive; omit it to write no checksum file
   */
  constructor(path: string, compression: Compression, expectedBytes?: number) {
    this.#path = path;
    this.#compression = compression;
    this.#descriptor = openSync(path, 'w');
    this.#hash = expectedBytes === undefined ? undefined : streamHash(expectedBytes);
  }

  #append(bytes: Uint8Array): void {
    this.#hash?.update(bytes);
    writeFully(this.#descriptor, this.#path, bytes);
  }

  /** Compresses bytes and appends them to the archive. */
  async write(content: Uint8Array): Promise<void> {
    if (content.length === 0) return;
    this.#append(this.#compression === 'zst' ? await zstdFrame(content) : await gzipMember(content));
  }

  /** Appends the compressed data of a packed partition. */
  copy(partition: PackedPartition): void {
    const { indexPath, index } = partition;
    const path = packedFilePath(partition, this.#compression);
    if (!hasCompression(index, this.#compression)) {
      throw new UserError(
        `${indexPath}: packed without ${this.#compression}, so no ${this.#compression} archive can be made from it; ` +
          `pack it with --${this.#compression}, or omit that archive`,
      );
    }
    const expected = compressedBytes(index, this.#compression);
    const descriptor = openSync(path, 'r');
    try {
      const buffer = Buffer.allocUnsafeSlow(this.#hash === undefined ? COPY_BYTES : 0);
      let copied = 0;
      for (;;) {
        const bytes = this.#hash?.slot() ?? buffer;
        const count = readSync(descriptor, bytes, 0, bytes.length, null);
        if (count === 0) break;
        copied += count;
        this.#hash?.put(count);
        writeFully(this.#descriptor, this.#path, bytes.subarray(0, count));
      }
      if (copied !== expected) {
        throw new UserError(
          `${path}: ${copied} bytes, but ${indexPath} says ${expected}; the two files do not belong together`,
        );
      }
    } finally {
      closeSync(descriptor);
    }
  }

  /** Stops the hashing thread, if the archive will not be finished. */
  async abandon(): Promise<void> {
    await this.#hash?.close();
  }

  /** Closes the archive and writes `PATH.sha256` in the format of sha256sum. */
  async close(): Promise<void> {
    closeSync(this.#descriptor);
    if (this.#hash === undefined) return;
    const digest = await this.#hash.finish();
    writeWholeFile(checksumPath(this.#path), `${digest}  ${basename(this.#path)}\n`);
  }
}

/** Returns the path of the checksum file of an archive. */
export function checksumPath(archivePath: string): string {
  return `${archivePath}.sha256`;
}

/** The options for the file of each archive, and whether to omit the checksum files. */
export const ARCHIVE_OPTIONS = { zst: TEXT, gz: TEXT, 'no-checksum': SWITCH };

/**
 * Writes the requested archives, each with its checksum file unless that is omitted.
 *
 * @param partitions the packed partitions that the archives will contain
 * @param output registers a file that is removed if the tool fails
 * @throws UserError if no archive is requested
 */
export async function writeArchives(
  paths: { readonly [Name in Compression]?: string | undefined } & { readonly 'no-checksum'?: boolean },
  output: (path: string) => string,
  partitions: readonly PackedPartition[],
  write: (archive: ArchiveFile) => Promise<void>,
): Promise<void> {
  if (paths.zst === undefined && paths.gz === undefined) {
    throw new UserError('no output: give --zst=FILE or --gz=FILE, or both');
  }
  for (const compression of ['zst', 'gz'] as const) {
    const path = paths[compression];
    if (path === undefined) continue;
    const checksum = paths['no-checksum'] !== true;
    if (checksum) output(checksumPath(path));
    const expectedBytes = partitions.reduce((sum, { index }) => sum + compressedBytes(index, compression), 0);
    const archive = new ArchiveFile(output(path), compression, checksum ? expectedBytes : undefined);
    try {
      await write(archive);
      await archive.close();
    } catch (error) {
      await archive.abandon();
      throw error;
    }
  }
}
