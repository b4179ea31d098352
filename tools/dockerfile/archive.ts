/** Implements ADD for archives, which are unpacked. */
import { closeSync, openSync } from 'node:fs';
import { writeFully } from '../lib/formats/block/write.ts';
import { baseName, parentPath } from '../lib/formats/entry/entry.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import { gzipDecompressStream } from '../lib/formats/gzip/decompress.ts';
import { BLOCK_BYTES } from '../lib/formats/tar/format.ts';
import { RawHeader } from '../lib/formats/tar/header.ts';
import { HeaderError } from '../lib/formats/tar/number-field.ts';
import { readTarFiles, type TarFile } from '../lib/formats/tar/reader.ts';
import { isXz, xzDecompressStream } from '../lib/formats/xz/xz.ts';
import { zstdDecompressStream } from '../lib/formats/zstd/decompress.ts';
import { at } from '../lib/image/layer/file-tree.ts';
import type { StageInode } from './file-content.ts';
import { readFileContent } from './file-content.ts';
import { ROOT_OWNER, type StageFiles } from './stage-files.ts';

/** RFC 1952, section 2.3.1. */
const GZIP_MAGIC = Buffer.from('1f8b', 'hex');
/** RFC 8878, section 3.1.1. */
const ZSTD_MAGIC = Buffer.from('28b52ffd', 'hex');
const BZIP2_MAGIC = Buffer.from('BZh');
const MAGIC_BYTES = 6;
const WHITEOUT_PREFIX = '.wh.';

type Chunks = AsyncGenerator<Uint8Array, void, undefined>;

async function head(chunks: Chunks, count: number): Promise<Buffer> {
  let found = Buffer.alloc(0);
  for await (const chunk of chunks) {
    found = Buffer.concat([found, chunk.subarray(0, count)]);
    if (found.length >= count) break;
  }
  return found.subarray(0, count);
}

function startsWith(bytes: Buffer, magic: Buffer): boolean {
  return magic.equals(bytes.subarray(0, magic.length));
}

/** Returns the file's content, decompressed if it has a known format. */
async function plainContent(inode: StageInode, name: string): Promise<() => Chunks> {
  const magic = await head(readFileContent(inode), MAGIC_BYTES);
  if (startsWith(magic, GZIP_MAGIC)) return () => gzipDecompressStream(readFileContent(inode), name);
  if (startsWith(magic, ZSTD_MAGIC)) return () => zstdDecompressStream(readFileContent(inode), name);
  if (isXz(magic)) return () => xzDecompressStream(readFileContent(inode), name);
  if (startsWith(magic, BZIP2_MAGIC)) {
    throw new UserError(
      `${name}: bzip2 is not supported; compress it with gzip, xz or zstd, or use COPY, which copies it unchanged`,
    );
  }
  return () => readFileContent(inode);
}

function isTarHeader(block: Uint8Array): boolean {
  if (block.length < BLOCK_BYTES) return false;
  try {
    return new RawHeader(block).typeFlag !== '';
  } catch (error) {
    if (error instanceof HeaderError) return false;
    throw error;
  }
}

/** An archive that can be unpacked. */
export interface Archive {
  readonly name: string;
  readonly chunks: () => Chunks;
}

/**
 * Opens a file as a tar archive, which may be compressed. The file's content decides, not its name.
 *
 * @param name the name of the file in error messages
 */
export async function openArchive(inode: StageInode, name: string): Promise<Archive | undefined> {
  if (inode.entry.type !== 'file') return undefined;
  const chunks = await plainContent(inode, name);
  let first: Buffer;
  try {
    first = await head(chunks(), BLOCK_BYTES);
  } catch {
    // The file cannot be read as an archive from its first byte on, so it is copied like any other
    // file.
    return undefined;
  }
  return isTarHeader(first) ? { name, chunks } : undefined;
}

/** A file to which contents are appended. */
export interface Spool {
  readonly path: string;
  sizeBytes: number;
}

class Unpacker {
  readonly #files: StageFiles;
  readonly #folder: string;
  readonly #where: string;
  readonly #spool: string;
  readonly #descriptor: number;
  #spooledBytes: number;
  /** The symbolic links of the archive itself. Nothing is unpacked through them. */
  readonly #links = new Set<string>();

  constructor(files: StageFiles, folder: string, where: string, spool: Spool) {
    this.#files = files;
    this.#folder = folder;
    this.#where = where;
    this.#spool = spool.path;
    this.#spooledBytes = spool.sizeBytes;
    this.#descriptor = openSync(spool.path, 'a');
  }

  close(): number {
    closeSync(this.#descriptor);
    return this.#spooledBytes;
  }

  /**
   * Returns the path for a member. Follows symbolic links of the stage, but never those of the
   * archive.
   */
  #place(path: string, archive: string): string {
    const inside = this.#folder === '' ? path : `${this.#folder}/${path}`;
    const parent = this.#files.resolve(parentPath(inside));
    const through = parent.links.find((link) => this.#links.has(link.path));
    if (through !== undefined) {
      throw new UserError(
        `${archive}: entry ${path}: it goes through the archive's own symbolic link to ${through.target}`,
      );
    }
    const folder = this.#files.makeDirectories(parent.path, ROOT_OWNER, this.#where);
    return folder === '' ? baseName(inside) : `${folder}/${baseName(inside)}`;
  }

  async #spoolContent(file: TarFile): Promise<number> {
    const offsetBytes = this.#spooledBytes;
    for await (const chunk of file.content()) {
      writeFully(this.#descriptor, this.#spool, chunk);
      this.#spooledBytes += chunk.length;
    }
    return offsetBytes;
  }

  async add(file: TarFile, archive: string): Promise<void> {
    const { entry } = file;
    if (entry.path === '') return;
    if (baseName(entry.path).startsWith(WHITEOUT_PREFIX)) {
      throw new UserError(
        `${archive}: entry ${entry.path}: a layer cannot hold a file whose name begins with ${WHITEOUT_PREFIX}`,
      );
    }
    const path = this.#place(entry.path, archive);
    if (this.#files.get(path)?.type === 'symlink' || entry.type !== 'directory')
      this.#files.remove(path, archive);
    this.#links.delete(path);
    if (entry.type === 'symlink') this.#links.add(path);
    if (entry.type === 'hardlink') {
      this.#files.put(
        { ...at(entry, path), target: this.#place(entry.target, archive) } as typeof entry,
        undefined,
        archive,
      );
    } else if (entry.type === 'file') {
      const offsetBytes = await this.#spoolContent(file);
      this.#files.put(at(entry, path), { kind: 'file', path: this.#spool, offsetBytes }, archive);
    } else {
      this.#files.put(at(entry, path), undefined, archive);
    }
  }
}

/**
 * Unpacks an archive into a directory of a stage. Owners and modes are read from the archive.
 *
 * @param folder the real path of an existing directory
 * @param spool the file to which contents are appended; its `sizeBytes` is updated
 * @throws UserError for a damaged or hostile archive: one line with the archive, the entry and the
 *   rule
 */
export async function unpackArchive(
  archive: Archive,
  files: StageFiles,
  folder: string,
  where: string,
  spool: Spool,
): Promise<void> {
  const unpacker = new Unpacker(files, folder, where, spool);
  try {
    for await (const file of readTarFiles(archive.chunks(), archive.name))
      await unpacker.add(file, archive.name);
  } finally {
    spool.sizeBytes = unpacker.close();
  }
}
