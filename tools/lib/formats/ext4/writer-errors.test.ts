import { afterAll, describe, expect, test } from 'vitest';
import { device, directory, file, hardlink, symlink } from '../../testing/entries/entries.ts';
import {
  debugfs,
  e2fsckComplaints,
  ImageFolder,
  readAll,
  TEST_OPTIONS,
} from '../../testing/ext4/ext4-image.ts';
import { noise } from '../../testing/noise.ts';
import { MemoryImage } from '../block/block.ts';
import type { Entry } from '../entry/entry.ts';
import { Ext4Writer, minimumExt4SizeBytes } from './ext4.ts';

const MIB = 2 ** 20;
const BLOCK = 4096;
const images = new ImageFolder();
afterAll(() => images.remove());

describe('errors state the problem, the place, and the remedy', () => {
  const options = { ...TEST_OPTIONS, sizeBytes: 4 * MIB };
  const writing = (entries: readonly Entry[], changed = {}) => {
    const merged = { ...options, ...changed };
    return () => new Ext4Writer(new MemoryImage(merged.sizeBytes), entries, merged);
  };

  test.each<[string, readonly Entry[], string]>([
    ['a path without its directory', [file('a/b', 0)], '/a/b: its directory a is not in the tree'],
    ['a path under a file', [file('a', 0), file('a/b', 0)], 'a is not a directory'],
    ['a path twice', [file('a', 0), file('a', 0)], '/a: it is in the tree twice'],
    ['a name of 256 bytes', [file('é'.repeat(128), 0)], 'its name has 256 bytes'],
    ['an unknown size', [file('a', Number.NaN)], 'its size is not known'],
    ['a file over 16 TiB', [file('a', 2 ** 44)], 'over 16 TiB'],
    ['a hard link to nothing', [hardlink('a', 'b')], 'the target b of its hard link is not in the tree'],
    ['a hard link to a directory', [hardlink('a', 'b'), directory('b')], 'is a directory'],
    ['hard links in a circle', [hardlink('a', 'b'), hardlink('b', 'a')], 'leads back to itself'],
    ['a path with ..', [file('..', 0)], 'not a path inside a file system'],
    ['an absolute path', [file('/a', 0)], 'not a path inside a file system'],
    ['an empty link', [symlink('a', '')], 'its target has 0 bytes'],
    ['a link of 4096 bytes', [symlink('a', 'x'.repeat(4096))], 'its target has 4096 bytes'],
    ['a minor number of more than 20 bits', [device('a', 1, 2 ** 20)], 'its device number'],
    ['an owner of more than 32 bits', [file('a', 0, { uid: 2 ** 32 })], 'its owner'],
    ['a name with a line feed', [file('a\nb/c', 0)], '/a\\012b/c: its directory a\\012b is not in the tree'],
    ['lost+found as a file', [file('lost+found', 0)], 'must be a directory'],
  ])('%s', (_, entries, message) => {
    expect(writing(entries)).toThrow(message);
  });

  test.each([
    ['a size that is not a multiple of a block', { sizeBytes: 4 * MIB + 1 }, 'not a multiple of 4096'],
    ['a size over the limit', { sizeBytes: 2 ** 44 }, '16 TiB'],
    ['an invalid UUID', { uuid: 'x' }, 'is not a UUID'],
    ['a label of 17 bytes', { label: 'x'.repeat(17) }, 'has 17 bytes, and 16 fit'],
    ['a journal on 4 MiB', { journal: true }, 'too small for a journal'],
    ['a label with a NUL', { label: 'a\0b' }, 'contains a NUL'],
    ['a mount point of 64 bytes', { lastMounted: 'x'.repeat(64) }, 'has 64 bytes, and 63 fit'],
    ['more than half of it for root', { reservedPercent: 51 }, '51 percent'],
    ['half an inode', { freeInodes: 0.5 }, 'not a whole number'],
    ['two numbers of inodes', { freeInodes: 1, inodeCount: 1 }, 'give one of the two'],
    ['a time before 1970', { timeSeconds: -1 }, 'out of range'],
  ])('%s', (_, changed, message) => {
    expect(() => new Ext4Writer(new MemoryImage(MIB), [], { ...options, ...changed })).toThrow(message);
  });

  test('a file with 65,001 names', () => {
    const links = Array.from({ length: 65_000 }, (_, index) =>
      hardlink(`b${`${index}`.padStart(5, '0')}`, 'a'),
    );
    expect(writing([file('a', 0), ...links])).toThrow('/a: it has 65001 names, and ext4 allows 65000');
  });

  test('content that is longer, shorter or missing', () => {
    const open = writing([file('a', 3)])().openFile('a');
    expect(() => open.write(Buffer.from('abcd'))).toThrow('/a: its content is longer than the 3 bytes');
    open.write(Buffer.from('ab'));
    expect(() => open.close()).toThrow('/a: its content ends after 2 bytes, but the tree states 3');
    expect(() => writing([file('a', 3)])().finish()).toThrow(
      '/a: none of its 3 bytes of content were written',
    );
  });
});

describe('a file system that is too small', () => {
  const content = noise(3 * MIB);
  const entries = [file('file', content.length)];

  test.each([
    ['without a journal', { journal: false }],
    ['with a journal', { journal: true }],
    ['that is read-only', { journal: false, readOnly: true }],
    ['with many inodes', { journal: false, inodeCount: 30_000 }],
  ])('%s: the error says by how much, and names the smallest size', (_, changed) => {
    const options = { ...TEST_OPTIONS, ...changed };
    const large = [file('file', 20 * MIB)];
    const largeContent = noise(20 * MIB);
    const sizeBytes = minimumExt4SizeBytes(large, options);
    const path = images.write(large, { sizeBytes, ...options }, { file: largeContent });
    expect(e2fsckComplaints(path)).toBe('');
    expect(debugfs(path, 'stats')).toMatch(/Free blocks: +0\n/);
    expect(readAll(path, 'file').equals(largeContent)).toBe(true);
    expect(() =>
      images.write(large, { ...options, sizeBytes: sizeBytes - BLOCK }, { file: largeContent }),
    ).toThrow(`${BLOCK} bytes too small; make it ${sizeBytes}, or put less`);
  });

  test('is refused before any content is written if the metadata alone does not fit', () => {
    const options = { ...TEST_OPTIONS, sizeBytes: 5 * BLOCK };
    expect(() => new Ext4Writer(new MemoryImage(options.sizeBytes), entries, options)).toThrow(
      /\d+ bytes too small/,
    );
  });
});
