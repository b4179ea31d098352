/**
 * Archives that are put together from packed partitions: what is new (tar headers, sparse maps, partition tables) becomes frames of its
 * own, everything else is copied as it was compressed.
 */

import { closeSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { writeFully, writeWholeFile } from '../../formats/block/write.ts';
import { UserError } from '../../formats/error/user-error.ts';
import { gzipMember } from '../../formats/gzip/member.ts';
import { zstdFrame } from '../../formats/zstd/compress.ts';
import { SWITCH, TEXT } from '../../runtime/cli/cli.ts';
import { readIndexFile } from './file.ts';
import { StreamHash } from './hashing.ts';
import { type Compression, compressedBytes, hasCompression, type PackedIndex } from './index.ts';

const COPY_BYTES = 1 << 20;

/** A packed partition that lies in files: `NAME.json`, `NAME.img.zst`, and where it was asked for `NAME.img.gz`. */
export interface PackedPartition {
  readonly indexPath: string;
  readonly index: PackedIndex;
}

/** Where its compressed data lies. */
export function packedFilePath({ indexPath }: PackedPartition, compression: Compression): string {
  return `${indexPath.slice(0, -'.json'.length)}.img.${compression}`;
}

export function readPackedPartition(indexPath: string): PackedPartition {
  if (!indexPath.endsWith('.json'))
    throw new UserError(`${indexPath}: the index of a packed partition is named NAME.json`);
  return { indexPath, index: readIndexFile(indexPath) };
}

/** Writes one compressed archive front to back, and its checksum. */
export class ArchiveFile {
  readonly #path: string;
  readonly #compression: Compression;
  readonly #descriptor: number;
  readonly #hash: StreamHash | undefined;

  /** @param checksum whether to write a checksum file beside it */
  constructor(path: string, compression: Compression, checksum = true) {
    this.#path = path;
    this.#compression = compression;
    this.#descriptor = openSync(path, 'w');
    this.#hash = checksum ? new StreamHash() : undefined;
  }

  #append(bytes: Uint8Array): void {
    this.#hash?.update(bytes);
    writeFully(this.#descriptor, this.#path, bytes);
  }

  /** Appends bytes of the archive that are not compressed yet. */
  async write(content: Uint8Array): Promise<void> {
    if (content.length === 0) return;
    this.#append(this.#compression === 'zst' ? await zstdFrame(content) : await gzipMember(content));
  }

  /** Appends the data of all extents of a packed partition. */
  copy(partition: PackedPartition): void {
    const { indexPath, index } = partition;
    const path = packedFilePath(partition, this.#compression);
    if (!hasCompression(index, this.#compression)) {
      throw new UserError(
        `${indexPath}: packed without ${this.#compression}, so no ${this.#compression} archive can be made of it; ` +
          `pack it with --${this.#compression}, or leave that archive out`,
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
          `${path}: ${copied} bytes, but ${indexPath} says ${expected}; they do not belong together`,
        );
      }
    } finally {
      closeSync(descriptor);
    }
  }

  /** Ends the thread that hashes, where the archive will not be finished. */
  async abandon(): Promise<void> {
    await this.#hash?.close();
  }

  /** Closes the archive and writes `PATH.sha256` as sha256sum would. */
  async close(): Promise<void> {
    closeSync(this.#descriptor);
    if (this.#hash === undefined) return;
    const digest = await this.#hash.finish();
    writeWholeFile(checksumPath(this.#path), `${digest}  ${basename(this.#path)}\n`);
  }
}

/** Where the checksum of an archive lies. */
export function checksumPath(archivePath: string): string {
  return `${archivePath}.sha256`;
}

/** The options that say where the archive of each compression goes, and whether to leave out its checksum. */
export const ARCHIVE_OPTIONS = { zst: TEXT, gz: TEXT, 'no-checksum': SWITCH };

/**
 * Writes the archives that were asked for, each with its checksum where that is not left out.
 *
 * @param output names a file that has to go when the tool fails
 * @throws UserError where none was asked for
 */
export async function writeArchives(
  paths: { readonly [Name in Compression]?: string | undefined } & { readonly 'no-checksum'?: boolean },
  output: (path: string) => string,
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
    const archive = new ArchiveFile(output(path), compression, checksum);
    try {
      await write(archive);
      await archive.close();
    } catch (error) {
      await archive.abandon();
      throw error;
    }
  }
}
