/**
 * Damage that checksums do not detect: fields of headers and pax records are changed, and the
 * checksums corrected. For any damage, the reader returns entries inside the root or throws a
 * UserError, and a complete read and a scan of headers agree.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { archive, bsdTarConverted } from '../../testing/tar/archive.ts';
import {
  BYTE_ENTRIES,
  DEVICES,
  LONG_ENTRIES,
  PLAIN_ENTRIES,
  XATTR_ENTRIES,
} from '../../testing/tar/every-kind.ts';
import { MemoryImage } from '../block/block.ts';
import { type Entry, normalizePath } from '../entry/entry.ts';
import { UserError } from '../error/user-error.ts';
import { BLOCK_BYTES } from './format.ts';
import { RawHeader, sealHeader } from './header.ts';
import { readTarSync } from './reader.ts';
import { scanTar } from './scan.ts';
import { sparseHeader } from './sparse.ts';
import { TarReader } from './tar-reader.ts';
import { TAR_END } from './writer.ts';

const SMALL_XATTRS = XATTR_ENTRIES.map((entry) => ({
  ...entry,
  xattrs: new Map([...entry.xattrs].filter(([, value]) => value.length < 1000)),
}));
const ALL: readonly Entry[] = [...PLAIN_ENTRIES, ...DEVICES, ...LONG_ENTRIES, ...BYTE_ENTRIES];

function sparseMembers(): Buffer {
  const extents = Array.from({ length: 30 }, (_, index): [number, number] => [index * 1024, 512]);
  const parts = (['pax-1.0', 'pax-0.1', 'pax-0.0', 'gnu'] as const).flatMap((format) => {
    const { header, dataSizeBytes } = sparseHeader(
      { path: `sparse-${format}`, mode: 0o644, realSizeBytes: 40_000, extents },
      { format },
    );
    return [header, Buffer.alloc(dataSizeBytes, format)];
  });
  return Buffer.concat([...parts, TAR_END]);
}

const ARCHIVES: readonly [string, () => Buffer][] = [
  ['pax', () => archive([...ALL, ...SMALL_XATTRS])],
  ['gnu', () => archive(ALL, {}, { format: 'gnu' })],
  ['sparse', sparseMembers],
  ['pax of bsdtar', () => bsdTarConverted(archive([...ALL, ...SMALL_XATTRS]), 'pax')],
];

/** Corrects the checksums of headers. @param headers the offsets of their blocks */
function reseal(bytes: Buffer, headers: readonly number[]): void {
  for (const offset of headers) {
    if (offset + BLOCK_BYTES <= bytes.length) sealHeader(bytes.subarray(offset, offset + BLOCK_BYTES));
  }
}

function headerOffsets(bytes: Buffer): number[] {
  const offsets: number[] = [];
  for (let offset = 0; offset + BLOCK_BYTES <= bytes.length; offset += BLOCK_BYTES) {
    const block = bytes.subarray(offset, offset + BLOCK_BYTES);
    try {
      if (block[0] !== 0 && new RawHeader(block).typeFlag !== '') offsets.push(offset);
    } catch {
      // Content.
    }
  }
  return offsets;
}

/** Returns the entries of a reader, or the message of its UserError. Throws other errors. */
function outcome(run: () => Entry[]): Entry[] | string {
  try {
    return run();
  } catch (error) {
    if (error instanceof UserError && !error.message.includes('\n')) return error.message;
    throw error;
  }
}

const change = fc.record({
  place: fc.nat(),
  inHeader: fc.integer({ min: 0, max: BLOCK_BYTES - 1 }),
  bytes: fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 4 }),
    fc
      .constantFrom(
        '../',
        '\0',
        '77777777777',
        '\x80\x00\x00\x01',
        '\xff\xff\xff\xff',
        'SKLxg1250',
        '9',
        ' ',
        '=',
        '\n',
      )
      .map((text) => Buffer.from(text, 'latin1')),
  ),
});

describe.each(ARCHIVES)('a damaged archive: %s', (_name, make) => {
  const original = make();
  const headers = headerOffsets(original);

  it('gives entries inside the root, or a message of one line', () => {
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.option(fc.nat({ max: original.length }), { freq: 20 }),
        (changes, cut) => {
          const bytes = Buffer.from(original);
          for (const { place, inHeader, bytes: value } of changes) {
            // Half of the changes are in headers, the others anywhere in the archive.
            const start =
              place % 2 === 0
                ? (headers[(place >> 1) % headers.length] ?? 0) + inHeader
                : place % bytes.length;
            bytes.set(value.subarray(0, bytes.length - start), start);
          }
          reseal(bytes, headers);
          const damaged = cut === null ? bytes : bytes.subarray(0, cut);
          const image = new MemoryImage(damaged.length);
          image.write(0, damaged);
          const all = outcome(() =>
            [...readTarSync([damaged], 'x.tar')].flatMap((event) =>
              event.kind === 'member' ? [event.entry] : [],
            ),
          );
          const scanned = outcome(() => Array.from(scanTar(image, 'x.tar'), ({ entry }) => entry));
          expect(typeof scanned).toBe(typeof all);
          if (typeof all !== 'string') {
            expect(scanned).toEqual(all);
            for (const entry of all) {
              expect(normalizePath(entry.path)).toBe(entry.path);
              if (entry.type === 'hardlink') expect(normalizePath(entry.target)).toBe(entry.target);
            }
          }
          outcome(() => Array.from(new TarReader(image, 'x.tar').walk(), ({ entry }) => entry));
        },
      ),
      { numRuns: 700 },
    );
  });
});
