/** Reads damaged images: every error is a UserError of one line, and the work is limited. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { directory, file, symlink, xattrs } from '../../testing/entries/entries.ts';
import { debugfsWrite, ImageFolder, writeFileSystem } from '../../testing/ext4/ext4-image.ts';
import { noise } from '../../testing/noise.ts';
import { realTool } from '../../testing/real-tool.ts';
import type { BlockSource } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import { readExt4 } from './ext4.ts';

const images = new ImageFolder();
afterAll(() => images.remove());

const KIB = 1024;
const RUNS = 700;
/** The largest read: a piece of content, or the window of inodes. */
const MAXIMUM_READ_BYTES = 2 ** 20;
/** A limit on all reads of an image of less than 1 MiB. */
const MAXIMUM_TOTAL_BYTES = 256 * 2 ** 20;
/** Of files with a larger size, only the parts with data are read. */
const MAXIMUM_FILE_BYTES = 2 ** 22;

/** A changed image that limits the bytes that are read from it. */
class DamagedImage implements BlockSource {
  readonly sizeBytes: number;
  readonly #bytes: Buffer;
  #readBytes = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.sizeBytes = bytes.length;
  }

  read(offsetBytes: number, lengthBytes: number): Uint8Array {
    this.#readBytes += lengthBytes;
    if (lengthBytes > MAXIMUM_READ_BYTES) throw new Error(`${lengthBytes} bytes are read at once`);
    if (this.#readBytes > MAXIMUM_TOTAL_BYTES) throw new Error(`${this.#readBytes} bytes are read in all`);
    if (offsetBytes < 0 || offsetBytes + lengthBytes > this.sizeBytes)
      throw new RangeError('a read past the end');
    return this.#bytes.subarray(offsetBytes, offsetBytes + lengthBytes);
  }
}

function readEverything(image: BlockSource): void {
  const reader = readExt4(image, 'disk.img');
  for (const { entry, inodeNumber } of reader.walk()) {
    if (entry.type !== 'file') continue;
    for (const _ of reader.dataRanges(inodeNumber));
    if (entry.sizeBytes <= MAXIMUM_FILE_BYTES) for (const _ of reader.readFile(inodeNumber));
  }
}

const folder = images.file('folder');

function makeFolder(): void {
  mkdirSync(`${folder}/many`, { recursive: true });
  for (let index = 0; index < 120; index++) writeFileSync(`${folder}/many/file-number-${index}`, `${index}`);
  writeFileSync(`${folder}/large`, noise(290 * KIB));
  writeFileSync(`${folder}/small`, noise(100));
  symlinkSync('x'.repeat(20), `${folder}/short`);
  symlinkSync('x'.repeat(100), `${folder}/long`);
}

beforeAll(makeFolder);

function mke2fs(...options: string[]): Buffer {
  const path = images.file('damage.img');
  execFileSync(realTool('mke2fs', 'e2fsprogs'), [
    '-q',
    '-F',
    '-N',
    '256',
    ...options,
    '-d',
    folder,
    path,
    '800K',
  ]);
  const value = images.file('value');
  writeFileSync(value, noise(300));
  debugfsWrite(path, `ea_set -f ${value} /small user.large`);
  debugfsWrite(path, 'ea_set /small user.small value');
  return readFileSync(path);
}

function ownImage(): Buffer {
  const bytes = Buffer.alloc(512 * KIB);
  const entries = [
    directory('many'),
    ...Array.from({ length: 300 }, (_, index) => file(`many/file-number-${`${index}`.padStart(3, '0')}`, 0)),
    file('large', 64 * KIB),
    symlink('long', 'x'.repeat(100)),
    file('small', 100, { xattrs: xattrs({ 'user.large': noise(300), 'user.small': 'value' }) }),
  ];
  const sink = { write: (offset: number, piece: Uint8Array) => bytes.set(piece, offset) };
  writeFileSystem(
    sink,
    entries,
    {
      sizeBytes: bytes.length,
      uuid: '01234567-89ab-cdef-0123-456789abcdef',
      hashSeed: '01234567-89ab-cdef-0123-456789abcdef',
      label: '',
      journal: false,
      readOnly: true,
    },
    { large: noise(64 * KIB), small: noise(100) },
  );
  return bytes;
}

function ownImageWithoutChecksums(): Buffer {
  const path = images.file('unsealed.img');
  writeFileSync(path, ownImage());
  execFileSync(realTool('tune2fs', 'e2fsprogs'), ['-O', '^metadata_csum', path], { stdio: 'ignore' });
  return readFileSync(path);
}

/** Returns the offsets of metadata: non-zero bytes in blocks without the noise of files. */
function structureOffsets(bytes: Buffer): number[] {
  const offsets: number[] = [];
  for (let block = 0; block < bytes.length; block += KIB) {
    const part = bytes.subarray(block, block + KIB);
    // The noise of the tests has no even byte.
    if (part.every((byte) => byte % 2 === 1)) continue;
    part.forEach((byte, index) => {
      if (byte !== 0) offsets.push(block + index);
    });
  }
  return offsets;
}

const valueArbitrary = fc.oneof(
  fc.constantFrom(0, 1, 2, 0xff, 0xffff, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff, 800, 1 << 20),
  fc.nat({ max: 0xffffffff }),
);
const changeArbitrary = fc.record({
  place: fc.nat(),
  /** A distance from the place, so that zero bytes near metadata are changed too. */
  shift: fc.integer({ min: -8, max: 8 }),
  width: fc.constantFrom(1, 1, 2, 4),
  value: valueArbitrary,
});

// Most images have no checksums: with checksums, nearly every change is found there.
test.each<[string, () => Buffer]>([
  ['of this writer', ownImage],
  ['of this writer without checksums', ownImageWithoutChecksums],
  ['with blocks of 1 KiB', () => mke2fs('-t', 'ext4', '-b', '1024', '-O', '^metadata_csum,^has_journal')],
  ['as ext2', () => mke2fs('-t', 'ext2', '-b', '1024')],
  [
    'with inline data',
    () => mke2fs('-t', 'ext4', '-O', 'inline_data,^metadata_csum,^has_journal', '-b', '1024'),
  ],
  [
    'with small groups that have their own descriptors',
    () =>
      mke2fs(
        '-t',
        'ext4',
        '-O',
        '^metadata_csum,^has_journal,meta_bg,^resize_inode',
        '-b',
        '1024',
        '-g',
        '256',
      ),
  ],
  [
    'with 32-bit numbers',
    () => mke2fs('-t', 'ext4', '-O', '^metadata_csum,^has_journal,^64bit', '-b', '1024'),
  ],
])('damage to an image %s changes its content or is refused in one line', (_, make) => {
  const pristine = make();
  readEverything(new DamagedImage(pristine));
  const offsets = structureOffsets(pristine);
  const bytes = Buffer.from(pristine);
  fc.assert(
    fc.property(fc.array(changeArbitrary, { minLength: 1, maxLength: 4 }), (changes) => {
      const changed: number[] = [];
      for (const { place, shift, width, value } of changes) {
        const offset = Math.max((offsets[place % offsets.length] as number) + shift, 0);
        const start = Math.min(offset - (offset % width), bytes.length - width);
        bytes.writeUIntLE(value % 2 ** (8 * width), start, width);
        changed.push(start);
      }
      try {
        readEverything(new DamagedImage(bytes));
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        expect(error.message).toMatch(/^disk\.img: [^\n]+$/);
      } finally {
        for (const start of changed) pristine.copy(bytes, start, start, start + 4);
      }
    }),
    { numRuns: RUNS, seed: 20_261_120 },
  );
});
