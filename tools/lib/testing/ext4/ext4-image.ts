/** Writes images for tests, and runs the tools of e2fsprogs on them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MemoryImage } from '../../formats/block/block.ts';
import { FileImage } from '../../formats/block/file.ts';
import { comparePaths, type Entry } from '../../formats/entry/entry.ts';
import { type Ext4Options, type Ext4Summary, Ext4Writer, readExt4 } from '../../formats/ext4/ext4.ts';
import { hashName, hashStart } from '../../formats/ext4/htree-hash.ts';
import { noise } from '../noise.ts';
import { realTool } from '../real-tool.ts';

export const TEST_OPTIONS = {
  uuid: '01234567-89ab-cdef-0123-456789abcdef',
  hashSeed: 'fedcba98-7654-3210-fedc-ba9876543210',
  label: 'test',
  journal: false,
} as const;

/** The start values for hashing names in file systems with {@link TEST_OPTIONS}. */
export const TEST_HASH_START = hashStart(Buffer.from(TEST_OPTIONS.hashSeed.replaceAll('-', ''), 'hex'));

/** Two names of 8 bytes with the same hash for {@link TEST_HASH_START}. */
export const COLLIDING_NAMES = ['name26gy', 'name3c0f'] as const;

/** Returns names for one directory: the colliding names end one leaf and begin the next. */
export function namesAroundCollision(): string[] {
  // A leaf has 4084 bytes for entries, which is enough for 255 entries of 16 bytes.
  const namesBefore = 254;
  const hash = hashName(Buffer.from(COLLIDING_NAMES[0]), TEST_HASH_START);
  const before: string[] = [];
  const after: string[] = [];
  for (let number = 0; before.length < namesBefore; number++) {
    const name = `name${number.toString(36).padStart(4, '0')}`;
    (hashName(Buffer.from(name), TEST_HASH_START) < hash ? before : after).push(name);
  }
  return [...before, ...COLLIDING_NAMES, ...after];
}

export type Contents = Readonly<Record<string, Uint8Array>>;

/** Writes a whole file system. Files without given content are holes. */
export function writeFileSystem(
  sink: ConstructorParameters<typeof Ext4Writer>[0],
  entries: readonly Entry[],
  options: Ext4Options,
  contents: Contents = {},
): Ext4Summary {
  const writer = new Ext4Writer(
    sink,
    entries.toSorted((left, right) => comparePaths(left.path, right.path)),
    options,
  );
  for (const entry of entries) {
    if (entry.type !== 'file') continue;
    const open = writer.openFile(entry.path);
    const content = contents[entry.path];
    if (content === undefined) open.skip(entry.sizeBytes);
    else open.write(content);
    open.close();
  }
  return writer.finish();
}

/** A temporary directory for images. */
export class ImageFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'ext4-'));

  file(name: string): string {
    return join(this.path, name);
  }

  /** Writes an image file. Returns its path. */
  write(
    entries: readonly Entry[],
    options: Partial<Ext4Options> & { readonly sizeBytes: number },
    contents: Contents = {},
    name = 'test.img',
  ): string {
    const path = this.file(name);
    const image = FileImage.create(path, options.sizeBytes);
    try {
      writeFileSystem(image, entries, { ...TEST_OPTIONS, ...options }, contents);
    } finally {
      image.close();
    }
    return path;
  }

  /** Writes an image over a file full of noise. Returns its path. */
  writeOverNoise(
    entries: readonly Entry[],
    options: Partial<Ext4Options> & { readonly sizeBytes: number },
    contents: Contents = {},
    name = 'noisy.img',
  ): string {
    const path = this.file(name);
    const image = FileImage.create(path, options.sizeBytes);
    try {
      const pieceBytes = 1 << 20;
      const piece = noise(pieceBytes, 3);
      for (let offset = 0; offset < options.sizeBytes; offset += pieceBytes) {
        image.write(offset, piece.subarray(0, Math.min(pieceBytes, options.sizeBytes - offset)));
      }
      writeFileSystem(image, entries, { ...TEST_OPTIONS, ...options }, contents);
    } finally {
      image.close();
    }
    return path;
  }

  /** Writes an image in memory to the file at `path`, for the real tools. */
  keep(path: string, image: MemoryImage): void {
    writeFileSync(path, image.read(0, image.sizeBytes));
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/**
 * Returns the complaints of e2fsck: its output except the lines of a clean check.
 *
 * @param nowSeconds the time of the check, for file systems with later times
 */
export function e2fsckComplaints(imagePath: string, nowSeconds?: number): string {
  const result = spawnSync(realTool('e2fsck', 'e2fsprogs'), ['-fn', imagePath], {
    encoding: 'utf8',
    env: { ...process.env, ...(nowSeconds ? { E2FSCK_TIME: `${nowSeconds}` } : {}) },
  });
  const complaints = result.stdout
    .split('\n')
    .filter(
      (line) => line !== '' && !line.startsWith('Pass ') && !/^\S+: \d+\/\d+ files .* blocks$/.test(line),
    );
  if (result.status !== 0) complaints.push(`exit ${result.status}: ${result.stderr}`);
  return complaints.join('\n');
}

/** Returns the output of a debugfs command. */
export function debugfs(imagePath: string, command: string, encoding: 'utf8' | 'latin1' = 'utf8'): string {
  return execFileSync(realTool('debugfs', 'e2fsprogs'), ['-R', command, imagePath], {
    encoding,
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 2 ** 30,
  });
}

/** Runs a debugfs command that changes an image. */
export function debugfsWrite(imagePath: string, command: string): void {
  execFileSync(realTool('debugfs', 'e2fsprogs'), ['-w', '-R', command, imagePath], { stdio: 'ignore' });
}

/** Reads the content of a file of an image. */
export function readAll(imagePath: string, path: string): Buffer {
  const image = FileImage.open(imagePath);
  try {
    return Buffer.concat([...readExt4(image).readFile(path)]);
  } finally {
    image.close();
  }
}

/** Reads the tree of an image, without lost+found. */
export function readTree(imagePath: string): Entry[] {
  const image = FileImage.open(imagePath);
  try {
    return Array.from(readExt4(image).walk(), ({ entry }) => entry).filter(
      ({ path }) => path !== 'lost+found',
    );
  } finally {
    image.close();
  }
}
