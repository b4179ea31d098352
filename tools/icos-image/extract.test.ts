import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { FileImage } from '../lib/formats/block/file.ts';
import { packImageFiles } from '../lib/image/packed/file.ts';
import { noise } from '../lib/testing/noise.ts';
import { type Fixtures, makeFixtures } from './testing/fixtures.ts';
import { BIG_FILE, ext4Image, flip, lines, MIB, PASSWD, run, tool } from './testing/workbench.ts';

let images: Fixtures;

beforeAll(() => {
  images = makeFixtures();
});

interface Found {
  readonly type: string;
  readonly mode: number;
  readonly content: string;
  readonly seconds: number;
}

/** Everything below a directory. */
function snapshot(folder: string): Map<string, Found> {
  const found = new Map<string, Found>();
  const visit = (path: Buffer, name: string) => {
    for (const child of readdirSync(path, { encoding: 'buffer' })) {
      const full = Buffer.concat([path, Buffer.from('/'), child]);
      const shown = `${name}/${child.toString('latin1')}`;
      const status = lstatSync(full);
      const isLink = status.isSymbolicLink();
      const content = isLink
        ? readlinkSync(full)
        : status.isFile()
          ? readFileSync(full).toString('latin1')
          : '';
      const type = isLink ? 'link' : status.isDirectory() ? 'directory' : 'file';
      const seconds = Math.floor(status.mtimeMs / 1000);
      found.set(shown, { type, mode: status.mode & 0o7777, content, seconds });
      if (status.isDirectory()) visit(full, shown);
    }
  };
  visit(Buffer.from(folder), '');
  return found;
}

function emptyFolder(): string {
  return mkdtempSync(join(images.folder, 'extract-'));
}

/** Set-uid needs the owner, which only root can set. */
function withoutSetId(found: Map<string, Found>): Map<string, Found> {
  if (process.getuid?.() === 0) return found;
  return new Map([...found].map(([path, each]) => [path, { ...each, mode: each.mode & 0o1777 }]));
}

describe('extract', () => {
  test.each(['A_root:', 'B_root:/'])('restores the whole tree of %s', async (address) => {
    const folder = emptyFolder();
    expect((await run('extract', images.diskZst, address, '-C', folder)).error).toBeUndefined();
    const found = snapshot(folder);
    found.delete('/lost+found');
    expect(found).toEqual(withoutSetId(snapshot(images.tree)));
    const inode = (name: string) => lstatSync(join(folder, 'usr/bin', name)).ino;
    expect(inode('also')).toBe(inode('tool'));
    expect(lstatSync(join(folder, 'holes')).blocks * 512).toBeLessThan(1 * MIB);
  });

  test('of a path writes only that path, below its parents, and prints it with -v', async () => {
    const folder = emptyFolder();
    const { stdout } = await run(
      'extract',
      '-v',
      images.disk,
      'A_root:/usr/bin/also',
      'A_root:etc',
      '-C',
      folder,
    );
    expect(stdout.toString().split('\n')).toEqual([
      'usr/bin/also',
      'etc/',
      'etc/empty/',
      'etc/passwd',
      'etc/shadow',
      'etc/with:colon',
      '',
    ]);
    expect(readFileSync(join(folder, 'usr/bin/also')).equals(BIG_FILE)).toBe(true);
    expect(existsSync(join(folder, 'usr/bin/tool'))).toBe(false);
    expect(lstatSync(join(folder, 'etc/shadow')).mode & 0o777).toBe(0o600);
  });

  test('replaces existing files only with --overwrite', async () => {
    const folder = emptyFolder();
    mkdirSync(join(folder, 'etc'));
    writeFileSync(join(folder, 'etc/passwd'), 'mine');
    const refused = await run('extract', images.ext4, '/etc/passwd', '-C', folder);
    expect(refused.error).toMatch(/etc\/passwd: it exists; move it away, or use --overwrite$/);
    expect(readFileSync(join(folder, 'etc/passwd'), 'utf8')).toBe('mine');
    expect(
      (await run('extract', '--overwrite', images.ext4, '/etc/passwd', '-C', folder)).error,
    ).toBeUndefined();
    expect(readFileSync(join(folder, 'etc/passwd'), 'utf8')).toBe(PASSWD);
    expect((await run('extract', images.ext4, '/', '-C', join(folder, 'nowhere'))).error).toMatch(
      /the directory does not exist/,
    );
  });

  test('never writes through a symbolic link out of the directory', async () => {
    const folder = emptyFolder();
    const outside = emptyFolder();
    symlinkSync(outside, join(folder, 'etc'));
    const through = await run('extract', '--overwrite', images.ext4, '/etc/passwd', '-C', folder);
    expect(through.error).toMatch(
      /etc: it is a symbolic link; nothing is extracted through a symbolic link$/,
    );
    expect(readdirSync(outside)).toEqual([]);
  });

  test('never writes through a symbolic link from the archive itself', async () => {
    const source = emptyFolder();
    const outside = emptyFolder();
    mkdirSync(join(source, 'one'));
    mkdirSync(join(source, 'two/link'), { recursive: true });
    symlinkSync(outside, join(source, 'one/link'));
    writeFileSync(join(source, 'two/link/file'), 'evil');
    const path = join(source, 'evil.tar');
    tool('tar', 'tar', ['-cf', path, '-C', join(source, 'one'), 'link']);
    tool('tar', 'tar', ['-rf', path, '-C', join(source, 'two'), 'link/file']);
    const folder = emptyFolder();
    expect((await run('extract', path, '-C', folder)).error).toMatch(
      /link: it is a symbolic link; nothing is extracted through a symbolic link$/,
    );
    expect(readdirSync(outside)).toEqual([]);
  });

  test('leaves no incomplete file if the image is damaged', async () => {
    const path = join(images.folder, 'torn.img.zst');
    const tree = emptyFolder();
    mkdirSync(join(tree, 'usr'));
    writeFileSync(join(tree, 'usr/large'), noise(11 * MIB, 5));
    const image = ext4Image(join(images.folder, 'torn.img'), tree, ['-O', '^has_journal']);
    const source = FileImage.open(image);
    const gz = join(images.folder, 'torn.img.gz');
    await packImageFiles(source, { zst: path, gz, index: join(images.folder, 'torn.json') });
    source.close();
    // In the middle of the large file, which is in several frames.
    flip(path, Math.floor(readFileSync(path).length / 2));
    const folder = emptyFolder();
    const { error } = await run('extract', path, '/usr', '-C', folder);
    expect(error).toMatch(/the zst data at \d+ is damaged/);
    expect(readdirSync(join(folder, 'usr'))).toEqual([]);
  });

  test('names the files that it cannot create', async () => {
    const path = join(images.folder, 'devices.img');
    tool('cp', 'coreutils', [images.ext4, path]);
    tool('debugfs', 'e2fsprogs', ['-w', '-R', 'mknod null c 1 3', path]);
    const folder = emptyFolder();
    const { error, status } = await run('extract', path, '-C', folder);
    expect(status).toBe(1);
    expect(error).toMatch(
      /^not extracted: null: a device, pipe or socket; all other entries were extracted$/,
    );
    expect(readFileSync(join(folder, 'etc/passwd'), 'utf8')).toBe(PASSWD);
    expect((await lines('ls', '-l', path, '/null'))[0]).toMatch(/^c.* 1, 3 .*\/null$/);
  });
});
