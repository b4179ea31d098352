import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { directory, file, symlink } from '../../testing/entries/entries.ts';
import {
  archive,
  contentFor,
  gnuTar,
  inChunks,
  readAll,
  temporaryFolder,
} from '../../testing/tar/archive.ts';
import { globalHeader, header } from '../../testing/tar/headers.ts';
import { HEADER } from './format.ts';
import { readTar, readTarFiles } from './reader.ts';
import { TAR_END, tarHeader } from './writer.ts';

const folder = temporaryFolder();
const LONG = `${'long/'.repeat(40)}name`;

/** Makes a directory that GNU tar archives in its formats. */
function treeOnDisk(name: string, long: boolean): string {
  const root = join(folder(), name);
  mkdirSync(join(root, 'directory'), { recursive: true });
  writeFileSync(join(root, 'directory/file'), 'content');
  linkSync(join(root, 'directory/file'), join(root, 'directory/other'));
  symlinkSync('../elsewhere', join(root, 'link'));
  if (long) {
    mkdirSync(join(root, LONG, '..'), { recursive: true });
    writeFileSync(join(root, LONG), 'far away');
    symlinkSync('t'.repeat(300), join(root, 'longlink'));
  }
  return root;
}

describe('archives of GNU tar', () => {
  const options = [
    '--sort=name',
    '--owner=7',
    '--group=8',
    '--numeric-owner',
    '--mode=u=rw,go=r',
    '-cf',
    '-',
    '-C',
  ];

  it.each(['v7', 'ustar', 'oldgnu', 'gnu', 'posix'])('in its format %s give the same entries', (format) => {
    const root = treeOnDisk(`tree-${format}`, false);
    const { entries, contents } = readAll(gnuTar([`--format=${format}`, ...options, root, '.']));
    const owner = { uid: 7, gid: 8, mode: 0o644 };
    expect(entries).toEqual([
      directory('', owner),
      directory('directory', owner),
      file('directory/file', 7, owner),
      expect.objectContaining({ type: 'hardlink', path: 'directory/other', target: 'directory/file' }),
      expect.objectContaining({ type: 'symlink', path: 'link', target: '../elsewhere' }),
    ]);
    expect(contents.get('directory/file')?.toString()).toBe('content');
  });

  it.each(['oldgnu', 'gnu', 'posix'])('in its format %s keep long names and link targets', (format) => {
    const root = treeOnDisk(`long-${format}`, true);
    const { entries, contents } = readAll(gnuTar([`--format=${format}`, ...options, root, '.']));
    expect(contents.get(LONG)?.toString()).toBe('far away');
    expect(entries).toContainEqual(expect.objectContaining({ path: 'longlink', target: 't'.repeat(300) }));
  });

  it.each(['gnu', 'posix'])('in its format %s keep owners beyond 21 bits', (format) => {
    const root = treeOnDisk(`owner-${format}`, false);
    const bytes = gnuTar([
      `--format=${format}`,
      '--owner=4000000000',
      '--group=3000000',
      '-cf',
      '-',
      '-C',
      root,
      'link',
    ]);
    expect(readAll(bytes).entries[0]).toMatchObject({ uid: 4000000000, gid: 3000000 });
  });

  it.each(['1.0', '0.1', '0.0', 'oldgnu'])('with a sparse file of version %s', (version) => {
    const path = join(folder(), `sparse-${version}`);
    const descriptor = openSync(path, 'w');
    writeSync(descriptor, 'start', 0);
    writeSync(descriptor, 'end', 1_000_000);
    closeSync(descriptor);
    truncateSync(path, 1_500_000);
    const format =
      version === 'oldgnu' ? ['--format=gnu'] : ['--format=posix', `--sparse-version=${version}`];
    const bytes = gnuTar([...format, '--sparse', '-cf', '-', '-C', folder(), `sparse-${version}`]);
    const expected = Buffer.alloc(1_500_000);
    expected.write('start');
    expected.write('end', 1_000_000);
    expect(readAll(bytes).contents.get(`sparse-${version}`)?.equals(expected)).toBe(true);
  });

  it('can be read in pieces of any size', async () => {
    const bytes = gnuTar(['--format=posix', ...options, treeOnDisk('pieces', true), '.']);
    const whole = readAll(bytes);
    for (const chunkBytes of [1, 7, 511, 512, 513, 10240]) {
      expect(readAll(bytes, chunkBytes)).toEqual(whole);
      const entries = [];
      for await (const event of readTar(inChunks(bytes, chunkBytes), 'a.tar')) {
        if (event.kind === 'member') entries.push(event.entry);
      }
      expect(entries).toEqual(whole.entries);
    }
  });
});

describe('member by member', () => {
  const bytes = archive([file('a', 1000), directory('b'), file('c', 3)]);

  it('content can be read, and skipped', async () => {
    const found: string[] = [];
    for await (const { entry, content } of readTarFiles(inChunks(bytes, 100), 'a.tar')) {
      found.push(entry.path);
      if (entry.path !== 'c') continue;
      for await (const piece of content()) found.push(Buffer.from(piece).toString());
    }
    expect(found).toEqual(['a', 'b', 'c', contentFor('c', 3).toString()]);
  });

  it('content that is requested too late is an error, not the content of another member', async () => {
    const late: (() => AsyncGenerator<Uint8Array>)[] = [];
    for await (const { content } of readTarFiles([bytes], 'a.tar')) late.push(content);
    await expect(late[0]?.().next()).rejects.toThrow('too late');
  });
});

describe('archives of other tools', () => {
  it('a global pax header applies to the members that follow, and its comment is ignored', () => {
    const bytes = Buffer.concat([
      globalHeader({ comment: 'c0ffee', uid: '5' }),
      tarHeader(file('a', 0)),
      TAR_END,
    ]);
    expect(readAll(bytes).entries).toEqual([file('a', 0, { uid: 5 })]);
  });

  it('binary xattrs keep every byte', () => {
    const value = Uint8Array.from({ length: 256 }, (_, index) => index);
    const bytes = archive([file('a', 0, { xattrs: new Map([['security.evil', value]]) })]);
    expect(Buffer.from(readAll(bytes).entries[0]?.xattrs.get('security.evil') ?? []).equals(value)).toBe(
      true,
    );
  });

  it('a link that states a size has no content', () => {
    const link = header({ typeFlag: '2', linkName: 'x', sizeBytes: 1000 });
    const bytes = Buffer.concat([link, tarHeader(file('b', 0)), TAR_END]);
    expect(readAll(bytes).entries).toEqual([symlink('name', 'x', { mode: 0o644 }), file('b', 0)]);
  });

  it('checksums over signed bytes, as BSD writes them, are accepted', () => {
    const block = header({ name: 'caf\xc3\xa9' });
    const { offsetBytes, endBytes } = HEADER.at.chksum;
    const sum = block.reduce(
      (total, byte, index) => total + (index >= offsetBytes && index < endBytes ? 0x20 : (byte << 24) >> 24),
      0,
    );
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, offsetBytes);
    expect(readAll(Buffer.concat([block, TAR_END])).entries[0]?.path).toBe('café');
  });
});
