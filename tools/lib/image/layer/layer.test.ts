import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { directory, file, hardlink, symlink } from '../../testing/entries/entries.ts';
import { bare, bytesOf, layerOf, listing, opaque, text, whiteout } from '../../testing/layer/items.ts';
import { realTool } from '../../testing/real-tool.ts';
import { bsdTar, gnuTar, temporaryFolder } from '../../testing/tar/archive.ts';
import { LayerBuilder } from './builder.ts';
import { readContent, streamContents } from './content.ts';
import { openLayerFile, writeLayerFile } from './file.ts';
import { mergeLayers } from './merge.ts';
import { type Layer, listLayer } from './reader.ts';
import { selectEntries } from './select.ts';
import { Spool } from './spool.ts';
import { type LayerItem, writeLayer } from './writer.ts';

const folder = temporaryFolder();

describe('a layer file', () => {
  const items = [
    text('usr/bin/tool', 'program', { mode: 0o755 }),
    bare(directory('usr/bin')),
    bare(directory('usr')),
    bare(symlink('bin', 'usr/bin')),
    bare(hardlink('usr/bin/tool2', 'usr/bin/tool')),
    whiteout('etc/motd'),
    opaque('var/cache'),
    text('usr.txt', ''),
  ];

  it('is a tar in zstd for the real tools: sorted by path, with whiteouts as in OCI', async () => {
    const path = join(folder(), 'a.layer.tar.zst');
    await writeLayerFile(path, items);
    execFileSync(realTool('zstd', 'zstd'), ['-qt', path]);
    const tar = execFileSync(realTool('zstd', 'zstd'), ['-dc', path]);
    expect(gnuTar(['-tf', '-'], tar).toString().trimEnd().split('\n')).toEqual([
      'bin',
      'etc/.wh.motd',
      'usr/',
      'usr.txt',
      'usr/bin/',
      'usr/bin/tool',
      'usr/bin/tool2',
      'var/cache/.wh..wh..opq',
    ]);
    const scanned = await listLayer(openLayerFile(path));
    expect(
      Array.from(scanned, (item) => (item.kind === 'entry' ? item.entry.path : `${item.kind} ${item.path}`)),
    ).toEqual([
      'bin',
      'whiteout etc/motd',
      'usr',
      'usr.txt',
      'usr/bin',
      'usr/bin/tool',
      'usr/bin/tool2',
      'opaque var/cache',
    ]);
  });

  it('is the same archive without compression, and in gzip as in registries of OCI images', async () => {
    const archives = new Map<string, Buffer>();
    for (const compression of ['zstd', 'gzip', 'none'] as const) {
      const parts: Uint8Array[] = [];
      await writeLayer((bytes) => parts.push(Buffer.from(bytes)), items, { compression });
      archives.set(compression, Buffer.concat(parts));
    }
    const input = archives.get('gzip') as Buffer;
    execFileSync(realTool('gzip', 'gzip'), ['-t'], { input });
    expect(execFileSync(realTool('gzip', 'gzip'), ['-dc'], { input })).toEqual(archives.get('none'));
    const unpacked = execFileSync(realTool('zstd', 'zstd'), ['-dc'], {
      input: archives.get('zstd') as Buffer,
    });
    expect(unpacked).toEqual(archives.get('none'));
    for (const bytes of archives.values()) {
      expect(bsdTar(['-tf', '-'], bytes).toString()).toContain('etc/.wh.motd\n');
    }
  });

  it('has the same bytes for every order of the items and for all pieces of the contents', async () => {
    const content = Buffer.alloc(100_000, 'content');
    const whole: LayerItem = { kind: 'entry', entry: file('a', content.length), content };
    const pieces: LayerItem = {
      ...whole,
      content: async function* () {
        for (let offset = 0; offset < content.length; offset += 777)
          yield content.subarray(offset, offset + 777);
      },
    };
    const one = await bytesOf([whole, ...items]);
    const other = await bytesOf([...items.toReversed(), pieces]);
    expect(one.equals(other)).toBe(true);
  });

  it.each<[string, LayerItem[], string]>([
    ['a path twice', [text('a', 'x'), bare(directory('a'))], 'a occurs twice in one layer'],
    ['a hard link before its target', [text('b', 'x'), bare(hardlink('a', 'b'))], 'sorts after it'],
    [
      'too little content',
      [{ kind: 'entry', entry: file('a', 5), content: Buffer.from('four') }],
      'a has 5 bytes in its entry',
    ],
    [
      'too much content',
      [{ kind: 'entry', entry: file('a', 5), content: Buffer.from('sixsix') }],
      'a has 5 bytes in its entry',
    ],
    ['no content', [bare(file('a', 5))], 'a has 5 bytes in its entry, and 0'],
  ])('is not written with %s', async (_what, bad, message) => {
    await expect(bytesOf(bad)).rejects.toThrow(message);
  });
});

describe('contents', () => {
  const big = Buffer.alloc(9 << 20, 'big content ');
  const items = (): LayerItem[] => [
    text('a', 'small'),
    { kind: 'entry', entry: file('b', big.length), content: big },
    text('c', 'after!'),
  ];

  it('that span frames come in pieces, in order; one file can be read alone', async () => {
    const tree = await mergeLayers([await layerOf('l', items())]);
    const pieces: Buffer[] = [];
    for await (const piece of readContent(tree.get('b') ?? expect.fail())) pieces.push(Buffer.from(piece));
    expect(Buffer.concat(pieces).equals(big)).toBe(true);
    const sizes = new Map<string, number>();
    await streamContents(tree.entries(), (entry, positionBytes, bytes) =>
      sizes.set(entry.path, positionBytes + bytes.length),
    );
    expect([...sizes]).toEqual([
      ['a', 5],
      ['b', big.length],
      ['c', 6],
    ]);
  });

  it('that are hidden are not decompressed', async () => {
    const layer = await layerOf('lower', items());
    let readBytes = 0;
    const counting: Layer = {
      ...layer,
      source: {
        ...layer.source,
        read: (offset, length) => {
          readBytes += length;
          return layer.source.read(offset, length);
        },
      },
    };
    const tree = await mergeLayers([counting, await layerOf('upper', [whiteout('b'), whiteout('c')])]);
    readBytes = 0;
    await streamContents(tree.entries(), () => {});
    expect(readBytes).toBe(layer.frames?.[0]?.lengthBytes);
  });
});

describe('the builder', () => {
  async function built(fill: (builder: LayerBuilder) => Promise<void> | void): Promise<string[]> {
    const spool = new Spool(join(folder(), 'spool'));
    const builder = new LayerBuilder(spool);
    await fill(builder);
    const lower = await layerOf('lower', [text('keep', 'lower'), text('gone', 'lower')]);
    const tree = await mergeLayers([lower, await layerOf('built', builder.items())]);
    spool.close();
    return listing(tree.entries());
  }

  it('takes entries in any order; a later entry replaces an earlier one, and a deletion also applies to the layers below', async () => {
    const lines = await built(async (builder) => {
      builder.addBytes(file('z', 3), Buffer.from('one'), 'test');
      await builder.add(file('a/b', 4), [Buffer.from('co'), Buffer.from('py')], 'test');
      builder.addBytes(file('z', 3), Buffer.from('two'), 'test');
      await builder.add(hardlink('b', 'z'), [], 'test');
      builder.remove('gone', 'test');
      builder.addBytes(file('brief', 1), Buffer.from('x'), 'test');
      builder.remove('brief', 'test');
    });
    expect(lines).toEqual(['[]/ 755', '[a]/ 755', 'a/b 644 copy', 'b 644 two', 'keep 644 lower', 'z = b']);
  });

  it('refuses an entry that goes through a symbolic link, and names its source', async () => {
    await expect(
      built((builder) => {
        builder.addBytes(symlink('lib', 'usr/lib'), new Uint8Array(), 'evil.deb');
        builder.addBytes(file('lib/a', 0), new Uint8Array(), 'evil.deb');
      }),
    ).rejects.toThrow('evil.deb: entry lib/a: lib is a symbolic link');
  });

  it('refuses content whose size differs from its entry', async () => {
    await expect(built((builder) => builder.add(file('a', 3), [Buffer.from('four')], 't'))).rejects.toThrow(
      'a has 3 bytes',
    );
  });
});

describe('a selection', () => {
  const items = [
    bare(directory('boot', { mode: 0o750 })),
    text('boot/vmlinuz', 'kernel'),
    bare(directory('boot/grub')),
    text('boot/grub/x', 'x'),
    text('a', 'shared'),
    bare(hardlink('boot/a', 'a')),
    bare(hardlink('boot/b', 'a')),
    text('bootx', ''),
  ];

  it('of a subtree has its directory as the root; a link to a file outside the subtree becomes that file', async () => {
    const tree = await mergeLayers([await layerOf('l', items)]);
    const selected = selectEntries(tree.entries(), { subtree: 'boot' });
    expect(await listing(selected)).toEqual([
      '/ 750',
      'a 644 shared',
      'b = a',
      'grub/ 755',
      'grub/x 644 x',
      'vmlinuz 644 kernel',
    ]);
  });

  it('leaves out an excluded path and everything in it', async () => {
    const tree = await mergeLayers([await layerOf('l', items)]);
    const selected = selectEntries(tree.entries(), {
      exclude: (path) => path === 'boot/grub' || path === 'a',
    });
    expect(await listing(selected)).toEqual([
      '[]/ 755',
      'boot/ 750',
      'boot/a 644 shared',
      'boot/b = boot/a',
      'boot/vmlinuz 644 kernel',
      'bootx 644',
    ]);
  });
});
