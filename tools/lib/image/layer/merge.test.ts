import { mkdirSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Entry } from '../../formats/entry/entry.ts';
import { zstdFrame } from '../../formats/zstd/compress.ts';
import { directory, file, hardlink, symlink } from '../../testing/entries/entries.ts';
import { bare, bytesOf, layerOf, merged, opaque, opened, text, whiteout } from '../../testing/layer/items.ts';
import { archive, gnuTar, temporaryFolder } from '../../testing/tar/archive.ts';
import { streamContents } from './content.ts';
import { mergeLayers } from './merge.ts';
import { type Layer, listLayer } from './reader.ts';
import type { LayerItem } from './writer.ts';

const folder = temporaryFolder();

describe('merging: a later layer', () => {
  const lower = [
    bare(directory('', { mode: 0o700 })),
    bare(directory('d', { mode: 0o711 })),
    text('d/a', 'lower a'),
    text('d/b', 'lower b'),
    bare(directory('d/sub')),
    text('d/sub/c', 'lower c'),
  ];
  const SUB = ['d/sub/ 755', 'd/sub/c 644 lower c'];
  const FILES = ['d/a 644 lower a', 'd/b 644 lower b'];
  const LOWER = ['/ 700', 'd/ 711', ...FILES, ...SUB];

  it.each<[string, LayerItem[], string[]]>([
    ['adds', [text('e', 'new')], [...LOWER, 'e 644 new']],
    [
      'replaces a file',
      [text('d/a', 'upper', { mode: 0o600 })],
      ['/ 700', 'd/ 711', 'd/a 600 upper', 'd/b 644 lower b', ...SUB],
    ],
    [
      'changes a directory and keeps what is in it',
      [bare(directory('d', { mode: 0o1777 }))],
      ['/ 700', 'd/ 1777', ...FILES, ...SUB],
    ],
    [
      'leaves a directory that it only implies unchanged',
      [text('d/new', '')],
      ['/ 700', 'd/ 711', ...FILES, 'd/new 644', ...SUB],
    ],
    [
      'implies directories that no layer has',
      [text('x/y/z', 'z')],
      [...LOWER, '[x]/ 755', '[x/y]/ 755', 'x/y/z 644 z'],
    ],
    ['deletes a file', [whiteout('d/a')], ['/ 700', 'd/ 711', 'd/b 644 lower b', ...SUB]],
    ['deletes a directory with everything in it', [whiteout('d')], ['/ 700']],
    ['deletes a path that does not exist', [whiteout('no/thing'), whiteout('d/no')], [...LOWER]],
    ['empties a directory', [opaque('d'), text('d/new', 'new')], ['/ 700', 'd/ 711', 'd/new 644 new']],
    ['empties everything', [opaque(''), text('new', 'new')], ['/ 700', 'new 644 new']],
    [
      'deletes and creates the same path',
      [whiteout('d'), bare(directory('d')), text('d/a', 'new')],
      ['/ 700', 'd/ 755', 'd/a 644 new'],
    ],
    ['puts a file over a directory', [text('d', 'file')], ['/ 700', 'd 644 file']],
    ['puts a symbolic link over a directory', [bare(symlink('d', 'x'))], ['/ 700', 'd -> x']],
    [
      'puts a directory over a file',
      [bare(directory('d/a')), text('d/a/b', 'b')],
      ['/ 700', 'd/ 711', 'd/a/ 755', 'd/a/b 644 b', 'd/b 644 lower b', ...SUB],
    ],
    ['links to a file below', [bare(hardlink('link', 'd/a'))], [...LOWER, 'link = d/a']],
  ])('%s', async (_what, upper, expected) => {
    expect(await merged(lower, upper)).toEqual(expected);
  });

  it('that replaces the first name of a hard-linked file leaves the others with the old content', async () => {
    const links = [text('a', 'old'), bare(hardlink('b', 'a')), bare(hardlink('c', 'a'))];
    expect(await merged(links, [text('a', 'new')])).toEqual(['[]/ 755', 'a 644 new', 'b 644 old', 'c = b']);
    expect(await merged(links, [whiteout('a'), whiteout('b')])).toEqual(['[]/ 755', 'c 644 old']);
  });

  it('may link to a file that a still later layer replaces', async () => {
    const layers = [[text('z', 'first')], [bare(hardlink('zz', 'z'))], [text('z', 'third')]];
    expect(await merged(...layers)).toEqual(['[]/ 755', 'z 644 third', 'zz 644 first']);
  });

  it('sorts by bytes, so that names with a suffix may come between a directory and its children', async () => {
    const paths = ['a', 'a-b', 'a.b', 'a/b', 'a0', 'é', '\u{ffee}', '\u{1f600}'];
    const items = paths.map((path) => (path === 'a' ? bare(directory(path)) : text(path, '')));
    const tree = await mergeLayers([await layerOf('l', items.toReversed())]);
    expect(tree.entries().map(({ entry }) => entry.path)).toEqual(['', ...paths]);
  });
});

describe('a layer is refused with its name, the entry and the rule:', () => {
  const lower = [bare(symlink('lib', 'usr/lib')), bare(directory('usr')), text('file', 'x')];

  it.each<[string, LayerItem[], string]>([
    [
      'an entry below a symbolic link',
      [text('lib/a', 'x')],
      'layer1: entry lib/a: lib is a symbolic link (to usr/lib); put it at the real path',
    ],
    [
      'a directory below a symbolic link',
      [bare(directory('lib/d'))],
      'layer1: entry lib/d: lib is a symbolic link',
    ],
    ['a whiteout below a symbolic link', [whiteout('lib/a')], 'layer1: entry lib/a: lib is a symbolic link'],
    [
      'an opaque whiteout below a symbolic link',
      [opaque('lib/a')],
      'layer1: entry lib/a: lib is a symbolic link',
    ],
    [
      'a hard link through a symbolic link',
      [bare(hardlink('z', 'lib/a'))],
      'layer1: entry z: lib is a symbolic link',
    ],
    [
      'an entry below a file',
      [text('file/a', 'x')],
      'layer1: entry file/a: file is not a directory but a file',
    ],
    [
      'a hard link to nothing',
      [bare(hardlink('z', 'nothing'))],
      'layer1: entry z: it is a hard link to nothing, which does not exist',
    ],
    [
      'a hard link to a directory',
      [bare(hardlink('z', 'usr'))],
      'layer1: entry z: it is a hard link to usr, which is a directory',
    ],
    [
      'a hard link to a path that the same layer deletes',
      [whiteout('file'), bare(hardlink('z', 'file'))],
      'it is a hard link to file, which does not exist',
    ],
  ])('%s', async (_what, upper, message) => {
    await expect(merged(lower, upper)).rejects.toThrow(message);
    await expect(merged(lower, upper)).rejects.toMatchObject({ name: 'UserError' });
  });

  it('an entry below a symbolic link of the same layer', async () => {
    await expect(merged([bare(symlink('a', '/etc')), text('a/passwd', 'x')])).rejects.toThrow(
      'entry a/passwd: a is a symbolic link',
    );
  });

  it.each<[string, Entry[], string]>([
    [
      'not sorted',
      [file('b', 0), file('a', 0)],
      'bad: entry a: it follows b; a layer must be sorted by path',
    ],
    [
      'a path twice',
      [file('a', 0), file('a', 0)],
      'bad: entry a: its path occurs twice; a layer must be sorted by path',
    ],
    ['a whiteout without a name', [file('.wh.', 0)], 'bad: entry .wh.: a whiteout without a name'],
    ['a whiteout of the parent', [file('a/.wh...', 0)], 'a whiteout without a name'],
    ['an entry in a whiteout', [file('.wh.a/b', 0)], 'it is inside a whiteout'],
  ])('%s', async (_what, entries, message) => {
    const layer = opened(await zstdFrame(archive(entries)), 'bad');
    await expect(listLayer(layer)).rejects.toThrow(message);
  });

  it('empty', () => {
    expect(() => opened(new Uint8Array(), 'bad')).toThrow('bad: the layer is empty');
  });

  it('truncated between two frames', async () => {
    const tar = archive([file('a', 5000)]);
    const half = await zstdFrame(tar.subarray(0, 3000));
    await expect(listLayer(opened(half, 'bad'))).rejects.toThrow('bad: entry a: its content ends after');
  });
});

const NAMES = ['a', 'b', 'c'];
const anyPath = fc
  .array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join('/'));
const anyStep = fc.record({
  path: anyPath,
  kind: fc.constantFrom('file', 'directory', 'symlink'),
  content: fc.string({ maxLength: 10 }),
});

function extracts(tar: Uint8Array, target: string): boolean {
  try {
    gnuTar(['-xf', '-', '-C', target, '--no-same-owner'], tar);
    return true;
  } catch {
    return false;
  }
}

describe('against GNU tar', () => {
  it('merged layers equal the files that tar extracts, one layer over the other', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(anyStep, { maxLength: 8 }), { minLength: 1, maxLength: 3 }),
        async (steps) => {
          const target = join(folder(), `merge-${run++}`);
          mkdirSync(target);
          const layers: Layer[] = [];
          for (const [index, layerSteps] of steps.entries()) {
            const items = new Map(
              layerSteps.map(({ path, kind, content }): [string, LayerItem] => {
                if (kind === 'directory') return [path, bare(directory(path))];
                if (kind === 'symlink') return [path, bare(symlink(path, 'nowhere'))];
                return [path, text(path, content)];
              }),
            );
            const bytes = await bytesOf([...items.values()]);
            layers.push(opened(bytes, `layer${index}`));
          }
          const merge = mergeLayers(layers).then((tree) => tree.entries());
          const entries = await merge.catch(() => undefined);
          // Paths that go through a link or a file are refused, while tar follows them or fails.
          fc.pre(entries !== undefined);
          for (const layer of layers) {
            const tar = zstdDecompressSync(layer.source.read(0, layer.source.sizeBytes));
            // GNU tar does not replace a directory that is not empty by a file: nothing to compare.
            fc.pre(extracts(tar, target));
          }
          const contents = new Map<string, string>();
          await streamContents(entries ?? [], (entry, _position, bytes) => {
            contents.set(entry.path, Buffer.from(bytes).toString());
          });
          for (const { entry } of entries ?? []) {
            const path = join(target, entry.path);
            if (entry.type === 'directory') expect(statSync(path).isDirectory()).toBe(true);
            if (entry.type === 'symlink') expect(readlinkSync(path)).toBe(entry.target);
            if (entry.type === 'file')
              expect(readFileSync(path, 'utf8')).toBe(contents.get(entry.path) ?? '');
          }
          const found = readdirSync(target, { recursive: true });
          expect(found.length).toBe((entries?.length ?? 0) - 1);
        },
      ),
      { numRuns: 25 },
    );
  });
});
