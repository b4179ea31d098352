/** Writes EROFS images for tests, and checks them with the real tools. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BlockSink, MemoryImage } from '../../formats/block/block.ts';
import { comparePaths, type Entry } from '../../formats/entry/entry.ts';
import {
  type ErofsOptions,
  type ErofsReader,
  type ErofsSummary,
  ErofsWriter,
  readErofs,
} from '../../formats/erofs/erofs.ts';
import { directory } from '../entries/entries.ts';
import { noise } from '../noise.ts';
import { realTool } from '../real-tool.ts';

export const TEST_OPTIONS = { uuid: '01234567-89ab-cdef-0123-456789abcdef', label: 'test' } as const;

export type Contents = ReadonlyMap<string, Uint8Array>;

export interface TestTree {
  readonly entries: readonly Entry[];
  readonly contents: Contents;
}

/** Sorts entries, and generates content for files without given content. */
export function tree(
  entries: readonly Entry[],
  contents: Readonly<Record<string, Uint8Array>> = {},
): TestTree {
  const all = new Map(Object.entries(contents));
  entries.forEach((entry, index) => {
    if (entry.type === 'file' && !all.has(entry.path))
      all.set(entry.path, noise(entry.sizeBytes, index * 2 + 1));
  });
  return { entries: entries.toSorted((left, right) => comparePaths(left.path, right.path)), contents: all };
}

export function writeTree(
  sink: BlockSink,
  { entries, contents }: TestTree,
  options: ErofsOptions,
): ErofsSummary {
  const writer = new ErofsWriter(sink, entries, options);
  for (const entry of entries) {
    if (entry.type !== 'file') continue;
    const open = writer.openFile(entry.path);
    open.write(contents.get(entry.path) as Uint8Array);
    open.close();
  }
  return writer.finish();
}

/** An image in memory of any size. */
export class GrowingImage implements BlockSink {
  readonly #image: MemoryImage;

  constructor(limitBytes = 2 ** 40) {
    this.#image = new MemoryImage(limitBytes);
  }

  write(offsetBytes: number, bytes: Uint8Array): void {
    this.#image.write(offsetBytes, bytes);
  }

  bytes(sizeBytes: number): Uint8Array {
    return this.#image.read(0, sizeBytes);
  }
}

export function imageOf(content: TestTree, options: Partial<ErofsOptions> = {}): Uint8Array {
  const image = new GrowingImage();
  const { sizeBytes } = writeTree(image, content, { ...TEST_OPTIONS, ...options });
  return image.bytes(sizeBytes);
}

export function readerOf(bytes: Uint8Array, name?: string): ErofsReader {
  const image = new MemoryImage(bytes.length);
  image.write(0, bytes);
  return readErofs(image, name);
}

/** A temporary folder for images; call `remove` at the end of the tests. */
export class ImageFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'erofs-'));

  file(name: string): string {
    return join(this.path, name);
  }

  /** Writes an image file. @returns its path */
  write(content: TestTree, options: Partial<ErofsOptions> = {}, name = 'test.img'): string {
    const path = this.file(name);
    writeFileSync(path, imageOf(content, options));
    return path;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export interface ToolResult {
  readonly status: number | null;
  readonly output: string;
}

export function erofsTool(name: 'fsck.erofs' | 'dump.erofs' | 'mkfs.erofs', ...args: string[]): ToolResult {
  const { status, stdout, stderr } = spawnSync(realTool(name, 'erofs-utils'), args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  return { status, output: stdout + stderr };
}

/**
 * Returns the problems that fsck.erofs reports after reading all content of an image; empty if it
 * is clean.
 */
export function fsckComplaints(imagePath: string): string {
  const { status, output } = erofsTool('fsck.erofs', '--extract', imagePath);
  const lines = output.split('\n').filter((line) => line !== '' && line !== 'No errors found');
  return [...lines, ...(status === 0 ? [] : [`exit ${status}`])].join('\n');
}

/** An entry for comparison: with sorted attributes, and the digest of its content. */
export type SeenEntry = Readonly<Record<string, unknown>>;

/** Converts an entry for comparison. @param content of a file, or its digest */
export function seen(entry: Entry, content: Uint8Array | string | undefined): SeenEntry {
  const attributes = Array.from(
    entry.xattrs,
    ([name, value]) => `${name}=${Buffer.from(value).toString('hex')}`,
  );
  const digest = typeof content === 'object' ? createHash('sha256').update(content).digest('hex') : content;
  return { ...entry, xattrs: attributes.sort(), digest };
}

/**
 * Returns the tree as a reader of a file system sees it: the first path of each file is the file,
 * and the other paths are hard links to it.
 */
export function expectedOf({ entries, contents }: TestTree): SeenEntry[] {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]));
  const ownerOf = (entry: Entry): Entry =>
    entry.type === 'hardlink' ? ownerOf(byPath.get(entry.target) as Entry) : entry;
  const firstPaths = new Map<string, string>();
  const root = entries[0]?.path === '' ? [] : [seen(directory(''), undefined)];
  return [
    ...root,
    ...entries.map((entry) => {
      const owner = ownerOf(entry);
      const first = firstPaths.get(owner.path);
      firstPaths.set(owner.path, first ?? entry.path);
      if (first === undefined) return seen({ ...owner, path: entry.path }, contents.get(owner.path));
      const { mode, uid, gid, xattrs: attributes } = owner;
      return seen(
        { type: 'hardlink', target: first, path: entry.path, mode, uid, gid, xattrs: attributes },
        undefined,
      );
    }),
  ];
}

/** Returns the tree as our reader sees it. */
export function seenBy(reader: ErofsReader): SeenEntry[] {
  return Array.from(reader.walk(), ({ entry, nid }) => {
    if (entry.type !== 'file') return seen(entry, undefined);
    return seen(entry, Buffer.concat(Array.from(reader.readFile(nid), (piece) => Uint8Array.from(piece))));
  });
}
