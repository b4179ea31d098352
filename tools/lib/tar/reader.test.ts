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
import { encodeHeader, type HeaderFields } from './header.ts';
import { encodePax } from './pax.ts';
import { readTar, readTarFiles } from './reader.ts';
import {
  archive,
  contentFor,
  directory,
  file,
  gnuTar,
  inChunks,
  readAll,
  symlink,
  temporaryFolder,
} from './testing/archive.ts';
import { headerWithRecords, TAR_END, tarHeader, tarPadding } from './writer.ts';

const folder = temporaryFolder();
const LONG = `${'long/'.repeat(40)}name`;

/** A tree on disk that GNU tar archives in its formats. */
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

  it.each(['oldgnu', 'gnu', 'posix'])(
    'in its format %s keep names and link targets that are long',
    (format) => {
      const root = treeOnDisk(`long-${format}`, true);
      const { entries, contents } = readAll(gnuTar([`--format=${format}`, ...options, root, '.']));
      expect(contents.get(LONG)?.toString()).toBe('far away');
      expect(entries).toContainEqual(expect.objectContaining({ path: 'longlink', target: 't'.repeat(300) }));
    },
  );

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

  it.each([
    ['1.0', undefined],
    ['0.1', 'sparse in a format older than 1.0'],
    ['0.0', 'sparse in a format older than 1.0'],
    ['oldgnu', 'sparse in the old GNU format'],
  ])('with a sparse file of version %s are read or refused', (version, refused) => {
    const path = join(folder(), `sparse-${version}`);
    const descriptor = openSync(path, 'w');
    writeSync(descriptor, 'start', 0);
    writeSync(descriptor, 'end', 1_000_000);
    closeSync(descriptor);
    truncateSync(path, 1_500_000);
    const format =
      version === 'oldgnu' ? ['--format=gnu'] : ['--format=posix', `--sparse-version=${version}`];
    const bytes = gnuTar([...format, '--sparse', '-cf', '-', '-C', folder(), `sparse-${version}`]);
    if (refused !== undefined) {
      expect(() => readAll(bytes)).toThrow(refused);
      return;
    }
    const expected = Buffer.alloc(1_500_000);
    expected.write('start');
    expected.write('end', 1_000_000);
    expect(readAll(bytes).contents.get(`sparse-${version}`)?.equals(expected)).toBe(true);
  });

  it('may be made of bytes that arrive in pieces of any size', async () => {
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

  it('content that is asked for too late is an error, not that of another member', async () => {
    const late: (() => AsyncGenerator<Uint8Array>)[] = [];
    for await (const { content } of readTarFiles([bytes], 'a.tar')) late.push(content);
    await expect(late[0]?.().next()).rejects.toThrow('too late');
  });
});

const PLAIN: HeaderFields = {
  name: Buffer.from('name'),
  typeFlag: '0',
  mode: 0o644,
  uid: 0,
  gid: 0,
  sizeBytes: 0,
};

function header(
  changes: Partial<Record<'name' | 'linkName', string>> & { typeFlag?: string; sizeBytes?: number },
): Buffer {
  const { name, linkName, ...rest } = changes;
  return encodeHeader({
    ...PLAIN,
    ...rest,
    ...(name === undefined ? {} : { name: Buffer.from(name, 'latin1') }),
    ...(linkName === undefined ? {} : { linkName: Buffer.from(linkName) }),
  });
}

function withRecords(records: Record<string, string | Uint8Array>): Buffer {
  return headerWithRecords(
    PLAIN,
    new Map(Object.entries(records).map(([key, value]) => [key, Buffer.from(value)])),
  );
}

function rawPax(body: string): Buffer {
  const content = Buffer.from(body);
  return Buffer.concat([
    header({ typeFlag: 'x', sizeBytes: content.length }),
    content,
    tarPadding(content.length),
    header({}),
  ]);
}

function changed(block: Buffer, offset: number, bytes: string | Uint8Array): Buffer {
  const copy = Buffer.from(block);
  copy.set(Buffer.from(bytes), offset);
  // The checksum over the changed block, so that only the change is wrong.
  copy.fill(' ', 148, 156);
  const sum = copy.reduce((total, byte) => total + byte, 0);
  copy.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return copy;
}

function sparse(map: string, realSize = '8192', size?: number): Buffer {
  const content = Buffer.alloc(512 * Math.max(1, Math.ceil(map.length / 512)));
  content.write(map);
  const records = {
    'GNU.sparse.major': '1',
    'GNU.sparse.minor': '0',
    'GNU.sparse.name': 's',
    'GNU.sparse.realsize': realSize,
  };
  const stored = Buffer.concat([content, Buffer.alloc(512)]);
  const sizeBytes = size ?? stored.length;
  const recordMap = new Map(Object.entries(records).map(([key, value]) => [key, Buffer.from(value)]));
  return Buffer.concat([headerWithRecords({ ...PLAIN, sizeBytes }, recordMap), stored]);
}

describe('a hostile or damaged archive is refused with its name, the entry and the rule', () => {
  it.each<[string, Buffer, string]>([
    [
      'a path up and out',
      header({ name: '../etc/passwd' }),
      'test.tar: entry ../etc/passwd: its path leaves the root through ".."',
    ],
    ['a path up in its middle', header({ name: 'a/../../b' }), 'entry a/../../b: its path leaves the root'],
    ['an absolute path up', header({ name: '/../b' }), 'its path leaves the root'],
    ['a pax path up and out', withRecords({ path: 'a/../..' }), 'entry a/../..: its path leaves the root'],
    [
      'a hard link up and out',
      header({ typeFlag: '1', linkName: '../x' }),
      'entry name: its link target leaves the root',
    ],
    ['a hard link to itself', header({ typeFlag: '1', linkName: './name' }), 'it is a hard link to itself'],
    [
      'a hard link to the root',
      header({ typeFlag: '1', linkName: '/' }),
      'it is a hard link to the root directory',
    ],
    ['a symbolic link to nothing', header({ typeFlag: '2' }), 'entry name: its link target is empty'],
    ['a NUL in a pax path', withRecords({ path: 'a\0b' }), 'entry a: its path holds a NUL'],
    ['an empty name', header({ name: '' }), 'its name is empty'],
    ['a root that is a file', header({ name: '.' }), 'entry .: the root is not a directory'],
    ['a name that is not UTF-8', header({ name: 'caf\xe9' }), 'its path is not UTF-8'],
    [
      'a component of 256 bytes',
      withRecords({ path: 'c'.repeat(256) }),
      'has a component longer than 255 bytes',
    ],
    ['a path of 4096 bytes', withRecords({ path: `${'d/'.repeat(2048)}e` }), 'is longer than 4095 bytes'],
    [
      'a wrong checksum',
      Buffer.from(header({})).fill('9', 0, 1),
      'test.tar: offset 0: its header checksum is wrong',
    ],
    ['a size that is not octal', changed(header({}), 124, '99'), 'its size is not an octal number'],
    ['a negative size', changed(header({}), 124, Buffer.alloc(12, 0xff)), 'its size is negative'],
    [
      'a size of 2^63',
      changed(header({}), 124, Buffer.from('800000008000000000000000', 'hex')),
      'its size is larger than 2^53',
    ],
    ['an owner of 2^40', withRecords({ uid: '1099511627776' }), 'its owner is larger than 2^32 - 1'],
    [
      'a pax size that is no number',
      withRecords({ size: '-1' }),
      'entry name: its size is not a decimal number',
    ],
    [
      'a size beyond the archive',
      header({ sizeBytes: 4096 }),
      'entry name: its content ends after 1024 of 4096 bytes; the archive is truncated',
    ],
    ['an unknown type', header({ typeFlag: 'Z' }), 'entry name: its type "Z" is unknown'],
    [
      'a huge pax header',
      header({ typeFlag: 'x', sizeBytes: 2 << 20 }),
      'an extended header of 2097152 bytes',
    ],
    [
      'a huge GNU long name',
      header({ typeFlag: 'L', sizeBytes: 2 << 20 }),
      'an extended header of 2097152 bytes',
    ],
    [
      'a pax header for no entry',
      withRecords({ path: 'a' }).subarray(0, 1024),
      'an extended header that belongs to no entry',
    ],
    ['a pax record without a length', rawPax('path=a\n'), 'a pax record does not start with its length'],
    [
      'a pax record that is longer than its header',
      rawPax('99 path=a\n'),
      'the length of a pax record is wrong',
    ],
    ['a pax record that is longer than it says', rawPax('8 path=a\n'), 'the length of a pax record is wrong'],
    [
      'something behind the pax records',
      rawPax('9 path=a\n '),
      'a pax record does not start with its length',
    ],
    ['a pax record without an equals sign', rawPax('7 path\n'), 'a pax record has no "="'],
    [
      'a pax record with the equals sign of the next',
      rawPax('7 path\n9 path=a\n'),
      'a pax record has no "="',
    ],
    [
      'a sparse map that overlaps',
      sparse('2\n0\n4096\n512\n512\n'),
      'entry s: its sparse map has extents that overlap',
    ],
    ['a sparse map past the end', sparse('1\n8192\n512\n'), 'overlap or pass the end of the file'],
    [
      'a sparse map with less data than is stored',
      sparse('1\n0\n0\n'),
      'its sparse map has 0 bytes of data, but 512 are stored',
    ],
    [
      'a sparse map with more data than is stored',
      sparse('1\n0\n4096\n'),
      'its sparse map has 4096 bytes of data, but 512 are stored',
    ],
    ['a sparse map that never ends', sparse('9\n0\n'), 'its sparse map'],
    ['a sparse map of letters', sparse('x\n'), 'its sparse map is not a decimal number'],
    ['a sparse map of too many extents', sparse('99999999\n'), 'its sparse map has more than'],
    [
      'a sparse file of a size that is no number',
      sparse('0\n', '1e9'),
      'its real size is not a decimal number',
    ],
  ])('%s', (_what, member, message) => {
    const read = () => readAll(Buffer.concat([member, TAR_END]));
    expect(read).toThrow(message);
    expect(read).toThrow(
      expect.objectContaining({ name: 'UserError', message: expect.stringMatching(/^test\.tar: [^\n]+$/) }),
    );
  });

  const good = archive([file('a', 600)]);
  it.each<[string, Uint8Array, string]>([
    ['nothing at all', new Uint8Array(), 'offset 0: the archive ends here, too early'],
    ['half a header', good.subarray(0, 100), 'too early; it is truncated'],
    ['no content', good.subarray(0, 512), 'entry a: its content ends after 0 of 600 bytes'],
    ['half the padding', good.subarray(0, 512 + 700), 'entry a: its content is truncated'],
    ['no end', good.subarray(0, 512 + 1024), 'too early; it is truncated'],
    ['half an end', good.subarray(0, 512 + 1024 + 512), 'one block of zeros instead of two'],
    [
      'something behind the end',
      Buffer.concat([good, Buffer.from('x')]),
      'data after the end of the archive',
    ],
  ])('%s', (_what, bytes, message) => {
    expect(() => readAll(bytes)).toThrow(message);
  });

  it('control characters of a name do not reach the terminal', () => {
    expect(() => readAll(header({ name: 'a\x1b[2J/../..' }))).toThrow('entry a?[2J/../..: its path leaves');
  });

  it('absolute paths stay inside the root', () => {
    const bytes = Buffer.concat([header({ name: '/etc/passwd' }), TAR_END]);
    expect(readAll(bytes).entries).toEqual([file('etc/passwd', 0)]);
  });
});

describe('what other tools write', () => {
  it('a global pax header changes what follows, and its size and comment do no harm', () => {
    const body = encodePax(
      new Map([
        ['comment', Buffer.from('c0ffee')],
        ['uid', Buffer.from('5')],
      ]),
    );
    const bytes = Buffer.concat([
      header({ typeFlag: 'g', sizeBytes: body.length }),
      body,
      tarPadding(body.length),
      tarHeader(file('a')),
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

  it('a size that a link states has no content behind it', () => {
    const link = header({ typeFlag: '2', linkName: 'x', sizeBytes: 1000 });
    const bytes = Buffer.concat([link, tarHeader(file('b')), TAR_END]);
    expect(readAll(bytes).entries).toEqual([symlink('name', 'x', { mode: 0o644 }), file('b')]);
  });

  it('bsd checksums over signed bytes are right too', () => {
    const block = Buffer.from(header({ name: 'caf\xc3\xa9' }));
    const sum = block.reduce(
      (total, byte, index) => total + (index >= 148 && index < 156 ? 32 : (byte << 24) >> 24),
      0,
    );
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    expect(readAll(Buffer.concat([block, TAR_END])).entries[0]?.path).toBe('café');
  });
});
