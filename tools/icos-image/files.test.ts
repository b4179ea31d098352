import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { FileImage } from '../lib/formats/block/file.ts';
import { packImageFiles } from '../lib/image/packed/file.ts';
import { noise } from '../lib/testing/noise.ts';
import { type Fixtures, makeFixtures } from './testing/fixtures.ts';
import { BIG_FILE, lines, MIB, PASSWD, patch, run, tool } from './testing/workbench.ts';

let images: Fixtures;
const MAIN = join(import.meta.dirname, 'main.ts');

beforeAll(async () => {
  images = makeFixtures();
  const source = FileImage.open(images.verity);
  const packed = (name: string) => join(images.folder, name);
  await packImageFiles(source, {
    zst: packed('root.img.zst'),
    gz: packed('root.img.gz'),
    index: packed('root.json'),
  });
  source.close();
});

function archive(name: string, options: readonly string[]): string {
  const path = join(images.folder, name);
  tool('tar', 'tar', ['-C', images.tree, '--sort=name', '-cf', path, ...options, '.']);
  return path;
}

function cpioArchive(): string {
  const path = join(images.folder, 'tree.cpio');
  const names = execFileSync('find', ['.', '-print0'], { cwd: images.tree });
  const bytes = execFileSync(process.env['CPIO'] ?? 'cpio', ['--quiet', '-0', '-o', '-H', 'newc'], {
    cwd: images.tree,
    input: names,
    maxBuffer: 1 << 28,
  });
  writeFileSync(path, bytes);
  return path;
}

/** Every image with the tree, and the prefix of its addresses. */
function holders(): [what: string, image: string, prefix: string][] {
  const zstdDisk = join(images.folder, 'whole.img.zst');
  if (!existsSync(zstdDisk)) tool('zstd', 'zstd', ['-q', images.disk, '-o', zstdDisk]);
  return [
    ['an ext4 file system', images.ext4, ''],
    ['an EROFS file system', images.erofs, ''],
    ['a partition of a disk, by name', images.disk, 'A_root:'],
    ['a partition of a disk, by number', images.disk, '3:'],
    ['a disk in .tar.zst', images.diskZst, 'A_root:'],
    ['a disk in .tar.gz', images.diskGz, 'B_root:'],
    ['a disk in one large zstd frame', zstdDisk, 'A_root:'],
    ['a packed partition', join(images.folder, 'root.json'), ''],
    ['packed data with its index beside', join(images.folder, 'root.img.gz'), ''],
    ['a pax tar', archive('pax.tar', ['--format=pax']), ''],
    ['a GNU tar, sparse', archive('gnu.tar', ['--format=gnu', '-S']), ''],
    ['a tar in gzip', archive('tree.tar.gz', ['-z']), ''],
    ['a cpio archive', cpioArchive(), ''],
  ];
}

describe('cat', () => {
  test('writes the bytes of a file from every kind of image', async () => {
    for (const [what, image, prefix] of holders()) {
      for (const [path, expected] of [
        ['/etc/passwd', Buffer.from(PASSWD)],
        ['/usr/bin/tool', BIG_FILE],
        ['usr/bin/also', BIG_FILE],
        ['holes', Buffer.concat([Buffer.from('start'), Buffer.alloc(3 * MIB + 6)])],
      ] as const) {
        const { stdout, error } = await run('cat', image, prefix + path);
        expect(error, `${what}: ${path}`).toBeUndefined();
        expect(stdout.equals(expected), `${what}: ${path}`).toBe(true);
      }
    }
  });

  test('follows symbolic links within the image', async () => {
    expect((await run('cat', images.disk, 'A_root:/users')).stdout.toString()).toBe(PASSWD);
    expect((await run('cat', images.ext4, 'bin/../etc/passwd')).error).toMatch(
      /a path in an image cannot contain "\.\."/,
    );
    expect((await run('cat', images.ext4, '/bin/tool')).stdout.equals(BIG_FILE)).toBe(true);
  });

  test('accepts names with colons, and names in the escaped form of ls', async () => {
    expect((await run('cat', images.ext4, '/etc/with:colon')).stdout.toString()).toBe('colon\n');
    expect((await run('cat', images.disk, 'A_root:/etc/with:colon')).stdout.toString()).toBe('colon\n');
    expect((await run('cat', images.ext4, '/latin-\\351')).stdout.toString()).toBe('latin\n');
    expect((await run('cat', images.ext4, '/new\\012line')).stdout.toString()).toBe('line\n');
  });

  test('writes a whole partition if the address ends with the colon', async () => {
    const { stdout } = await run('cat', images.diskZst, 'B_root:');
    const expected = readFileSync(images.disk).subarray(30 * MIB, 48 * MIB);
    expect(stdout.equals(expected)).toBe(true);
  });

  test.each([
    ['/nosuch', /: A_root: \/nosuch: no such file or directory$/],
    ['/etc', /: A_root: \/etc: it is a directory; only files can be shown$/],
    ['/etc/passwd/x', /: A_root: \/etc\/passwd\/x: no such file or directory$/],
  ])('says in one line what is wrong with %s', async (path, message) => {
    const { error, status } = await run('cat', images.disk, `A_root:${path}`);
    expect(status).toBe(1);
    expect(error).toMatch(message);
    expect(error).not.toContain('\n');
  });

  test('lists the existing parts if the requested one does not exist', async () => {
    expect((await run('cat', images.disk, 'C_root:/x')).error).toMatch(
      /it has no part "C_root"; its parts are efi, A_root, B_root, empty$/,
    );
    expect((await run('cat', images.disk, '/x')).error).toMatch(
      /several file systems \(efi, A_root, B_root\): name one/,
    );
  });

  test('ends silently when the reader of its output is gone', () => {
    const script = `"$0" "$1" cat "$2" A_root:/usr/bin/tool | head -c 10 >/dev/null`;
    const { stderr } = spawnSync('sh', ['-c', script, process.execPath, MAIN, images.disk], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
  });
});

/** What `tar -tv` prints of the tree, as [mode, owner, size, name]. */
function tarListing(): Map<string, string[]> {
  const path = archive('listing.tar', ['--format=pax', '--owner=0', '--group=0', '--hard-dereference']);
  const args = ['--numeric-owner', '--quoting-style=escape', '--full-time', '-tvf', path];
  const rows = new Map<string, string[]>();
  for (const line of tool('tar', 'tar', args).toString().split('\n')) {
    const match = /^(\S+) (\S+) +(\d+) (\S+) (\S+) +\.\/(.*)$/.exec(line);
    if (match === null) continue;
    const [, mode = '', owner = '', size = '', date = '', time = '', name = ''] = match;
    rows.set(name.replace(/\/$/, '').replace('\\n', '\\012'), [
      mode,
      owner,
      size,
      `${date} ${time.slice(0, 5)}`,
    ]);
  }
  return rows;
}

/** What `ls -lR` prints, in the same form. */
async function ownListing(image: string, address: string): Promise<Map<string, string[]>> {
  const rows = new Map<string, string[]>();
  let directory = '';
  for (const line of await lines('ls', '-lR', image, address)) {
    const heading = /^(?:\w+:)?\/(.*):$/.exec(line);
    if (heading !== null) directory = heading[1] === '' ? '' : `${heading[1]}/`;
    const match = /^(\S+) +\d+ +(\d+) +(\d+) +(\d+) (\S+ \S+) (.*)$/.exec(line);
    if (match === null) continue;
    const [, mode = '', uid = '', gid = '', size = '', time = '', name = ''] = match;
    const isLink = mode.startsWith('l');
    rows.set(directory + name, [mode, `${uid}/${gid}`, isLink ? '0' : size, time]);
  }
  rows.delete('lost+found');
  return rows;
}

describe('ls', () => {
  test('-lR shows the modes, owners, sizes, times and names of tar -tv', async () => {
    const expected = tarListing();
    expect(expected.size).toBeGreaterThan(12);
    const path = archive('owned.tar', ['--format=pax', '--owner=0', '--group=0']);
    expect(await ownListing(path, '/')).toEqual(new Map([...expected].filter(([name]) => name !== '')));
  });

  test('-lR of an ext4 and an EROFS file system equals that of the archive', async () => {
    const path = archive('same.tar', ['--format=pax']);
    const expected = await ownListing(path, '/');
    expect(await ownListing(images.diskZst, 'A_root:/')).toEqual(expected);
    expect(await ownListing(images.erofs, '/')).toEqual(expected);
  });

  test('counts links as debugfs does', async () => {
    const [line] = await lines('ls', '-l', images.ext4, '/usr/bin/also');
    expect(line).toMatch(/^-rwsr-xr-x 2 /);
    const stat = tool('debugfs', 'e2fsprogs', ['-R', 'stat /usr/bin/also', images.ext4]).toString();
    expect(stat).toMatch(/Links: 2/);
  });

  test('lists the names of find, with unusual characters escaped', async () => {
    expect(await lines('ls', images.erofs, '/')).toEqual([
      'bin',
      'etc',
      'holes',
      'latin-\\351',
      'new\\012line',
      'users',
      'usr',
    ]);
    expect(await lines('ls', images.disk, 'A_root:/etc')).toEqual([
      'empty',
      'passwd',
      'shadow',
      'with:colon',
    ]);
    expect(await lines('ls', images.ext4, '/etc/empty')).toEqual([]);
  });

  test('lists a FAT volume as mdir does', async () => {
    const printed = tool('mdir', 'mtools', ['-b', '-/', '-i', images.fat, '::']).toString();
    const expected = printed
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.replace('::/', '/'));
    const own = new Set<string>();
    let directory = '';
    for (const line of await lines('ls', '-R', images.disk, 'efi:/')) {
      const heading = /^efi:(\/.*):$/.exec(line)?.[1];
      if (heading !== undefined) directory = heading === '/' ? '' : heading;
      else if (line !== '') own.add(`${directory}/${line}`);
    }
    // mdir marks a directory with a slash at its end.
    expect(own).toEqual(new Set(expected.map((path) => path.replace(/\/$/, ''))));
  });

  test('follows a symbolic link without -l, and shows it with -l', async () => {
    expect(await lines('ls', images.ext4, '/bin')).toEqual(['also', 'tool']);
    expect((await lines('ls', '-l', images.ext4, '/bin'))[0]).toMatch(
      /^lrwxrwxrwx 1 \d+ \d+ 7 .* \/bin -> usr\/bin$/,
    );
    expect(await lines('ls', '-d', images.ext4, '/etc')).toEqual(['/etc']);
  });

  test('of a disk lists its parts', async () => {
    expect(await lines('ls', images.diskZst)).toEqual(['efi:', 'A_root:', 'B_root:', 'empty:']);
    expect((await run('ls', images.diskZst, 'empty:')).error).toMatch(/empty: zeros, which has no files/);
  });
});

function emptyFolder(): string {
  return mkdtempSync(join(images.folder, 'extract-'));
}

describe('an archive of images', () => {
  test('has its members both as files and as images', async () => {
    const folder = emptyFolder();
    tool('cp', 'coreutils', [images.ext4, join(folder, 'boot.img')]);
    tool('cp', 'coreutils', [images.verity, join(folder, 'root.img')]);
    writeFileSync(join(folder, 'VERSION.TXT'), '1.2.3\n');
    const path = join(folder, 'update.tar.gz');
    tool('tar', 'tar', [
      '-S',
      '--format=posix',
      '-czf',
      path,
      '-C',
      folder,
      'boot.img',
      'root.img',
      'VERSION.TXT',
    ]);
    expect(await lines('ls', path)).toEqual(['VERSION.TXT', 'boot.img', 'root.img']);
    expect(await lines('cat', path, 'VERSION.TXT')).toEqual(['1.2.3']);
    expect((await run('cat', path, 'root.img:/etc/passwd')).stdout.toString()).toBe(PASSWD);
    expect((await run('cat', path, 'boot.img:')).stdout.equals(readFileSync(images.ext4))).toBe(true);
    const report = JSON.parse((await lines('inspect', '--json', path)).join('\n'));
    expect(report.content.parts.map(({ name }: { name: string }) => name)).toEqual(['boot.img', 'root.img']);
    expect(report.content.parts[1].content.verity.rootHash).toBe(images.rootHash);
  });
});

test('an initramfs of several archives, the last one compressed, is read as the kernel unpacks it', async () => {
  const folder = emptyFolder();
  const make = (name: string, content: string): Buffer => {
    const tree = mkdtempSync(join(folder, 'tree-'));
    writeFileSync(join(tree, name), content);
    return execFileSync(process.env['CPIO'] ?? 'cpio', ['--quiet', '-o', '-H', 'newc'], {
      cwd: tree,
      input: `${name}\n`,
    });
  };
  const path = join(folder, 'initrd.img');
  const late = tool('zstd', 'zstd', ['-q', '-c'], make('late', 'late\n'));
  writeFileSync(path, Buffer.concat([make('early', 'early\n'), Buffer.alloc(1024), late]));
  expect(await lines('ls', path)).toEqual(['early', 'late']);
  expect(await lines('cat', path, 'late', 'early')).toEqual(['late', 'early']);
});

test('a packed partition without its data gives an error that names the missing files', async () => {
  const index = join(images.folder, 'alone.json');
  writeFileSync(index, readFileSync(join(images.folder, 'root.json')));
  expect((await run('ls', index, '/')).error).toMatch(
    /alone\.json: the data is missing: neither .*alone\.img\.zst nor .*alone\.img\.gz/,
  );
  writeFileSync(join(images.folder, 'alone.img.zst'), noise(100, 1));
  expect((await run('ls', index, '/')).error).toMatch(
    /alone\.img\.zst: 100 bytes, but .*alone\.json says \d+; they do not belong together/,
  );
});

test('a read beyond the end of a truncated image says so', async () => {
  const path = join(images.folder, 'cut.img');
  writeFileSync(path, readFileSync(images.ext4).subarray(0, 3 * MIB));
  expect((await run('ls', path, '/')).error).toMatch(/cut\.img: it is cut off/);
  patch(path, 0, Buffer.of(0));
});
