import { describe, expect, it } from 'vitest';
import { directory, file, hardlink, symlink } from '../../testing/entries/entries.ts';
import { archive, contentFor } from '../../testing/tar/archive.ts';
import { MemoryImage } from '../block/block.ts';
import type { Entry } from '../entry/entry.ts';
import { TarReader } from './tar-reader.ts';

function open(entries: readonly Entry[], contents: Record<string, string> = {}): TarReader {
  const bytes = archive(entries, contents);
  const image = new MemoryImage(bytes.length);
  image.write(0, bytes);
  return new TarReader(image, 'test.tar');
}

function listing(reader: TarReader): string[] {
  return [...reader.walk()].map(({ entry, linkCount }) => {
    const target = 'target' in entry ? ` ${entry.target}` : '';
    return `${entry.path} ${entry.type} ${entry.mode.toString(8)} ${linkCount}${target}`;
  });
}

function content(reader: TarReader, path: string): string {
  return Buffer.concat([...reader.readFile(path)].map((piece) => Buffer.from(piece))).toString();
}

describe('the tree of an archive', () => {
  it('is sorted, has implied parents, and counts links', () => {
    const reader = open([
      file('b/c/file', 5),
      hardlink('a', 'b/c/file'),
      symlink('link', 'a'),
      directory('b', { mode: 0o700 }),
      directory('b/d'),
    ]);
    expect(listing(reader)).toEqual([
      ' directory 755 3',
      'a file 644 2',
      'b directory 700 4',
      'b/c directory 755 2',
      'b/c/file hardlink 644 2 a',
      'b/d directory 755 2',
      'link symlink 777 1 a',
    ]);
    expect(content(reader, 'a')).toBe(contentFor('b/c/file', 5).toString());
    expect(content(reader, 'b/c/file')).toBe(content(reader, 'a'));
  });

  it('has the last of two members with the same path', () => {
    const reader = open([
      file('a', 3, { mode: 0o600 }),
      file('a', 4, { mode: 0o755 }),
      directory('d'),
      symlink('d', 'a'),
    ]);
    expect(listing(reader)).toEqual([' directory 755 2', 'a file 755 1', 'd symlink 777 1 a']);
    expect(content(reader, 'a')).toHaveLength(4);
  });

  it('keeps the contents of a directory that occurs twice', () => {
    const reader = open([directory('d'), file('d/f', 1), directory('d', { mode: 0o700 })]);
    expect(listing(reader)).toEqual([' directory 755 3', 'd directory 700 2', 'd/f file 644 1']);
  });

  it('links a hard link to the file that its target is at that point of the archive', () => {
    const reader = open([file('a', 3), hardlink('b', 'a'), file('a', 5)]);
    expect(listing(reader)).toEqual([' directory 755 2', 'a file 644 1', 'b file 644 1']);
    expect([content(reader, 'a').length, content(reader, 'b').length]).toEqual([5, 3]);
  });

  it('is in the order of the bytes of names, not of strings', () => {
    const reader = open([file('\u{1f600}', 1), file('\uff5e', 1), file('caf\udce9', 1), file('café', 1)]);
    expect([...reader.walk()].map(({ entry }) => entry.path)).toEqual([
      '',
      'café',
      'caf\udce9',
      '\uff5e',
      '\u{1f600}',
    ]);
  });

  it('gives large files in pieces', () => {
    const reader = open([file('a', 3_000_000)]);
    const pieces = [...reader.readFile('a')].map(({ length }) => length);
    expect(Math.max(...pieces)).toBeLessThanOrEqual(1 << 20);
    expect(pieces.reduce((sum, length) => sum + length, 0)).toBe(3_000_000);
  });
});

describe('an archive that is not a valid tree is refused in one line:', () => {
  it.each<[string, Entry[], string]>([
    [
      'a member below a symbolic link',
      [symlink('a', '/etc'), file('a/passwd', 1)],
      'entry a/passwd: a is not a directory but a symlink',
    ],
    ['a member below a file', [file('a', 1), file('a/b', 1)], 'entry a/b: a is not a directory but a file'],
    [
      'a file in place of a full directory',
      [file('a/b', 1), file('a', 1)],
      'entry a: a file in place of a directory',
    ],
    ['a hard link to a missing file', [hardlink('a', 'b')], 'a hard link to b, which does not exist'],
    ['a hard link to a later member', [hardlink('a', 'b'), file('b', 1)], 'which does not exist'],
    ['a hard link to a directory', [directory('b'), hardlink('a', 'b')], 'which is a directory'],
  ])('%s', (_what, entries, message) => {
    expect(() => open(entries)).toThrow(message);
    expect(() => open(entries)).toThrow(expect.objectContaining({ name: 'UserError' }));
  });
});
