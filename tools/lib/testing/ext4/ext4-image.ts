/** Images for tests: written to a file, held against the real tools. */
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

/** The words that hashing of names starts from on file systems of {@link TEST_OPTIONS}. */
export const TEST_HASH_START = hashStart(Buffer.from(TEST_OPTIONS.hashSeed.replaceAll('-', ''), 'hex'));

/** Two names of eight bytes with the same hash under {@link TEST_HASH_START}. */
export const COLLIDING_NAMES = ['name26gy', 'name3c0f'] as const;

/** Names for one directory of which the colliding two are the last of one leaf and the first of the next. */
export function namesAroundCollision(): string[] {
  // 4084 bytes of entries hold 255 of 16 bytes.
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

/** Writes a file system in one go; files without given content are all holes. */
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

/** A folder for images that goes when the test file is done. */
export class ImageFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'ext4-'));

  file(name: string): string {
    return join(this.path, name);
  }

  /** Makes an image file. @returns its path */
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

  /** Makes an image file in which every byte held noise before. @returns its path */
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

  /** Puts an image in memory into the file at `path`, where the real tools can see it. */
  keep(path: string, image: MemoryImage): void {
    writeFileSync(path, image.read(0, image.sizeBytes));
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/**
 * Everything e2fsck has to say beyond its five passes: empty for a clean file system.
 *
 * @param nowSeconds the time of the check, for file systems from the future
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

export function debugfs(imagePath: string, command: string, encoding: 'utf8' | 'latin1' = 'utf8'): string {
  return execFileSync(realTool('debugfs', 'e2fsprogs'), ['-R', command, imagePath], {
    encoding,
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 2 ** 30,
  });
}

/** Has debugfs change an image. */
export function debugfsWrite(imagePath: string, command: string): void {
  execFileSync(realTool('debugfs', 'e2fsprogs'), ['-w', '-R', command, imagePath], { stdio: 'ignore' });
}

export function readAll(imagePath: string, path: string): Buffer {
  const image = FileImage.open(imagePath);
  try {
    return Buffer.concat([...readExt4(image).readFile(path)]);
  } finally {
    image.close();
  }
}

/** The tree of an image, without the lost+found that every one has. */
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
