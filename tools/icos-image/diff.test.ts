import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Fixtures, makeFixtures, packDisk } from './testing/fixtures.ts';
import { BIG_FILE, ext4Image, flip, MIB, patch, run, temporaryFolder, tool } from './testing/workbench.ts';

let images: Fixtures;
/** ext4 without checksums, so that a changed field changes nothing else. */
let plain: string;

beforeAll(() => {
  images = makeFixtures();
  plain = ext4Image(join(images.folder, 'plain.img'), images.tree, ['-O', '^metadata_csum']);
});

function copy(path: string, name: string): string {
  const target = join(images.folder, name);
  copyFileSync(path, target);
  return target;
}

function debugfs(path: string, ...commands: string[]): void {
  for (const command of commands) tool('debugfs', 'e2fsprogs', ['-w', '-R', command, path]);
}

/** Runs a diff that must find differences; returns its lines. */
async function differences(...args: string[]): Promise<string[]> {
  const { status, stdout, error } = await run('diff', ...args);
  expect(error).toBeUndefined();
  expect(status).toBe(1);
  return stdout.toString().split('\n').slice(0, -1);
}

async function expectEqual(older: string, newer: string): Promise<void> {
  expect(await run('diff', older, newer)).toMatchObject({
    status: 0,
    error: undefined,
    stdout: Buffer.alloc(0),
  });
}

describe('diff of equal images', () => {
  test('prints nothing, for every compression', async () => {
    await expectEqual(images.disk, images.disk);
    await expectEqual(images.disk, images.diskZst);
    await expectEqual(images.diskGz, images.diskZst);
  });
});

describe('diff of files', () => {
  test('names added, deleted and changed files, and the changes', async () => {
    const path = copy(images.ext4, 'changed.img');
    const content = join(images.folder, 'content');
    writeFileSync(content, 'other content\n');
    debugfs(
      path,
      'rm /etc/shadow',
      `write ${content} /etc/new`,
      'set_inode_field /etc/passwd mode 0100600',
      'set_inode_field /etc/with:colon uid 7',
      'ea_set /etc/with:colon user.note hello',
      'rm /users',
      'symlink /users etc/new',
      // debugfs makes files of root; the sample tree belongs to the user of the test.
      `set_inode_field /users uid ${process.getuid?.()}`,
      `set_inode_field /users gid ${process.getgid?.()}`,
      'rm /holes',
      'mkdir /holes',
    );
    expect(await differences(images.ext4, path)).toEqual([
      'A /etc/new',
      'M /etc/passwd (mode 0644 -> 0600)',
      'D /etc/shadow',
      expect.stringMatching(/^M \/etc\/with:colon \(owner \d+:\d+ -> 7:\d+, user\.note none -> "hello"\)$/),
      'M /holes (type file -> directory)',
      'M /users (target /etc/passwd -> etc/new)',
    ]);
    const back = await differences(path, images.ext4);
    expect(back[0]).toBe('D /etc/new');
    expect(back[2]).toBe('A /etc/shadow');
  });

  test('names the partition, and the content by its digest', async () => {
    const path = copy(images.disk, 'content.img');
    const root = copy(images.verity, 'root-changed.img');
    const block = Number(
      tool('debugfs', 'e2fsprogs', ['-R', 'bmap /usr/bin/tool 5', images.ext4]).toString(),
    );
    flip(root, block * 4096 + 100);
    patch(path, 10 * MIB, readFileSync(root));
    const changed = Buffer.from(BIG_FILE);
    changed[5 * 4096 + 100] = (changed[5 * 4096 + 100] ?? 0) ^ 0xff;
    const short = (bytes: Buffer) => tool('sha256sum', 'coreutils', ['-'], bytes).toString().slice(0, 12);
    const expected = `M A_root:/usr/bin/also (sha256 ${short(BIG_FILE)} -> ${short(changed)})`;
    expect(await differences(images.disk, path)).toEqual([expected]);
    const packed = packDisk(path, temporaryFolder());
    expect(await differences(images.diskGz, packed.zst)).toEqual([expected]);
  });

  test('compares archives and EROFS in the same way', async () => {
    const more = join(temporaryFolder(), 'more');
    tool('cp', 'coreutils', ['-a', images.tree, more]);
    writeFileSync(join(more, 'etc/passwd'), 'short\n');
    const erofs = join(images.folder, 'more.erofs');
    tool('mkfs.erofs', 'erofs-utils', ['--quiet', erofs, more]);
    const line = expect.stringMatching(
      /^M \/etc\/passwd \(size 72 -> 6, sha256 [0-9a-f]{12} -> [0-9a-f]{12}\)$/,
    );
    expect(await differences(images.erofs, erofs)).toContainEqual(line);
    const tar = (folder: string, name: string) => {
      tool('tar', 'tar', ['-C', folder, '-cf', join(images.folder, name), '.']);
      return join(images.folder, name);
    };
    expect(await differences(tar(images.tree, 'old.tar'), tar(more, 'new.tar'))).toContainEqual(line);
  });
});

describe('diff of the partition table', () => {
  test('names changed fields of entries, and added and removed parts', async () => {
    const path = copy(images.disk, 'table.img');
    tool('sgdisk', 'gdisk', [
      '--partition-guid=1:bbbbbbbb-0000-4000-8000-000000000009',
      '--attributes=2:set:2',
      '--delete=4',
      '--new=5:53M:+1M',
      '--change-name=5:extra',
      path,
    ]);
    expect((await differences(images.disk, path)).filter((line) => !line.startsWith('B '))).toEqual([
      'M efi: (PARTUUID aaaaaaaa-0000-4000-8000-000000000001 -> bbbbbbbb-0000-4000-8000-000000000009)',
      'M A_root: (attributes 0x0000000000000000 -> 0x0000000000000004)',
      'D empty:',
      'A extra:',
    ]);
  });

  test('names the bytes of both headers', async () => {
    const path = copy(images.disk, 'guid.img');
    tool('sgdisk', 'gdisk', ['--disk-guid=22222222-2222-4333-8444-555555555556', path]);
    const names = (await differences(images.disk, path)).map((line) =>
      line.replace(/, \d+ bytes? at .*/, ''),
    );
    expect(names).toEqual([
      'B primary GPT header: HeaderCRC32',
      'B primary GPT header: DiskGUID',
      'B backup GPT header: HeaderCRC32',
      'B backup GPT header: DiskGUID',
    ]);
  });

  test('names a byte in a gap', async () => {
    const path = copy(images.disk, 'gap.img');
    patch(path, 29 * MIB + 5, Buffer.from('gap'));
    expect(await differences(images.disk, path)).toEqual([`B unused space, 3 bytes at ${29 * MIB + 5}`]);
  });
});

describe('diff of images with equal files', () => {
  test('names the fields of an ext4 superblock, its copies and its inodes', async () => {
    const path = copy(plain, 'fields.img');
    debugfs(
      path,
      'set_super_value uuid 99999999-89ab-cdef-0123-456789abcdef',
      'set_inode_field /etc/passwd ctime 20010101000000',
    );
    const found = await differences(plain, path);
    expect(found).toContain('B superblock: s_uuid, 4 bytes at 1128');
    const inode = /Inode: (\d+)/.exec(
      tool('debugfs', 'e2fsprogs', ['-R', 'stat /etc/passwd', plain]).toString(),
    )?.[1];
    expect(found).toContainEqual(
      expect.stringMatching(new RegExp(`^B inode ${inode} \\(/etc/passwd\\): i_ctime, [1-4] bytes at \\d+$`)),
    );
  });

  test('names bitmaps, descriptors, directories, the journal, slack and free space of ext4', async () => {
    const path = copy(plain, 'places.img');
    const value = (command: string, pattern: RegExp): number =>
      Number(pattern.exec(tool('debugfs', 'e2fsprogs', ['-R', command, plain]).toString())?.[1]);
    const dumped = tool('dumpe2fs', 'e2fsprogs', [plain]).toString();
    const place = (pattern: RegExp): number => Number(pattern.exec(dumped)?.[1]);
    const free = Number(
      /Free blocks: .*?(\d+)\n/.exec(dumped.slice(dumped.lastIndexOf('Free blocks:')))?.[1],
    );
    const spots: [number, string][] = [
      [place(/Block bitmap at (\d+)/) * 4096 + 4000, 'block bitmap of group 0'],
      [place(/Inode bitmap at (\d+)/) * 4096 + 4000, 'inode bitmap of group 0'],
      [4096 + 0x12, 'descriptor of group 0: bg_flags'],
      [value('bmap /etc 0', /(\d+)/) * 4096 + 4090, 'directory block of inode'],
      [value('bmap <8> 1', /(\d+)/) * 4096 + 100, 'journal'],
      [value('bmap /etc/passwd 0', /(\d+)/) * 4096 + 4000, 'data of inode'],
      [free * 4096 + 1, 'unused space'],
    ];
    for (const [offset] of spots) flip(path, offset);
    const found = await differences('--bytes', plain, path);
    for (const [offset, name] of spots) {
      expect(found).toContainEqual(expect.stringMatching(new RegExp(`^B ${name}.*, 1 byte at ${offset}$`)));
    }
    expect(found.filter((line) => line.startsWith('B '))).toHaveLength(spots.length);
  });

  test('names the fields of a FAT volume', async () => {
    const path = copy(images.fat, 'serial.img');
    const bytes = readFileSync(path);
    const rootStart = (bytes.readUInt16LE(14) + 2 * bytes.readUInt16LE(22)) * 512;
    flip(path, 39);
    // The time of the first entry that is neither a long name nor a label, slot by slot.
    let slot = 0;
    while ((bytes[rootStart + slot * 32 + 11] ?? 0) & 0x08) slot += 1;
    patch(path, rootStart + slot * 32 + 22, Buffer.of(1, 2));
    flip(path, 8 * MIB - 600);
    expect(
      (await differences(images.fat, path)).map((line) => line.replace(/[12] bytes? at /, 'at ')),
    ).toEqual([
      'B boot sector: BS_VolID, at 39',
      `B directory / slot ${slot}: DIR_WrtTime, at ${rootStart + slot * 32 + 22}`,
      `B free clusters, at ${8 * MIB - 600}`,
    ]);
  });

  test('names the fields of a FAT32 volume that has as few clusters as FAT16', async () => {
    const older = join(images.folder, 'few-clusters.img');
    tool('mkfs.vfat', 'dosfstools', ['-F', '32', '-C', '-i', '1234abcd', older, '8192']);
    const source = join(images.folder, 'readme.txt');
    writeFileSync(source, 'content\n');
    // mtools sets the lower-case flags of the short name, and stores no long name.
    tool('mcopy', 'mtools', ['-i', older, source, '::/']);
    const slotStart = readFileSync(older).indexOf('README  TXT', 0, 'latin1');
    const eAcuteInCodePage437 = Buffer.of(0x82);
    patch(older, slotStart + 1, eAcuteInCodePage437);

    const newer = copy(older, 'few-clusters-changed.img');
    const volumeId = 67;
    const backupBootSector = 6 * 512;
    flip(newer, volumeId);
    flip(newer, backupBootSector + volumeId);
    flip(newer, readFileSync(newer).indexOf('content\n'));
    tool('mcopy', 'mtools', ['-i', newer, source, '::/second.txt']);

    const found = (await differences('--bytes', older, newer)).map((line) =>
      line.replace(/, \d+ bytes? at .*/, ''),
    );
    const newSlot = /^B directory \/ slot 1: DIR_/;
    expect(found).toContain('B directory / slot 1: DIR_Name');
    expect(found.filter((line) => line.startsWith('B ') && !newSlot.test(line))).toEqual([
      'B boot sector: BS_VolID',
      'B FSInfo sector: FSI_Free_Count',
      'B FSInfo sector: FSI_Nxt_Free',
      'B backup boot sector: BS_VolID',
      'B FAT 1: entry 4',
      'B FAT 2: entry 4',
      'B data of /r\u00e9adme.txt',
      'B data of /second.txt',
    ]);
  });

  test('names the fields of an EROFS superblock', async () => {
    const tree = images.tree;
    const make = (name: string, uuid: string) => {
      const path = join(images.folder, name);
      tool('mkfs.erofs', 'erofs-utils', ['--quiet', '-T1', '-U', uuid, path, tree]);
      return path;
    };
    const older = make('a.erofs', '01234567-89ab-cdef-0123-456789abcdef');
    const found = await differences(older, make('b.erofs', '01234567-89ab-cdef-0123-456789abcd00'));
    expect(found.map((line) => line.replace(/, \d+ bytes? at .*/, ''))).toEqual([
      'B superblock: checksum',
      'B superblock: uuid',
    ]);
  });

  test('names the fields of an EROFS inode by its path', async () => {
    // Its checksum covers the block of the inode.
    const older = join(images.folder, 'unchecked.erofs');
    tool('mkfs.erofs', 'erofs-utils', ['--quiet', '-Enosbcrc', older, images.tree]);
    const path = copy(older, 'inode.erofs');
    const printed = tool('dump.erofs', 'erofs-utils', ['--path=/etc/passwd', older]).toString();
    const nid = /NID: (\d+)/.exec(printed)?.[1];
    const bytes = readFileSync(path);
    const at = bytes.readUInt32LE(1024 + 40) * 4096 + Number(nid) * 32;
    const isExtended = (bytes[at] ?? 0) % 2 === 1;
    const time = at + (isExtended ? 40 : 12);
    patch(path, time, Buffer.of((bytes[time] ?? 0) ^ 1));
    const field = isExtended ? 'i_mtime_nsec' : 'i_mtime';
    expect(await differences(older, path)).toEqual([
      `B inode ${nid} (/etc/passwd): ${field}, 1 byte at ${time}`,
    ]);
  });

  test('names the header fields of a tar', async () => {
    const make = (name: string, time: string) => {
      const path = join(images.folder, name);
      tool('tar', 'tar', [
        '-C',
        images.tree,
        `--mtime=@${time}`,
        '--format=ustar',
        '-cf',
        path,
        'etc/passwd',
      ]);
      return path;
    };
    const found = await differences(make('one.tar', '1000000000'), make('two.tar', '1000000001'));
    expect(found.map((line) => line.replace(/, \d+ bytes? at .*/, ''))).toEqual([
      'B header of /etc/passwd: mtime',
      'B header of /etc/passwd: chksum',
    ]);
  });

  test('names the parts of a hash tree', async () => {
    const path = copy(images.verity, 'tree.img');
    flip(path, 16 * MIB + 90);
    flip(path, 16 * MIB + 4096 + 5);
    flip(path, 16 * MIB + 8192 + 7);
    expect(await differences(images.verity, path)).toEqual([
      `B verity superblock: salt, 1 byte at ${16 * MIB + 90}`,
      `B verity hash tree, level 1, 1 byte at ${16 * MIB + 4096 + 5}`,
      `B verity hash tree, level 0, 1 byte at ${16 * MIB + 8192 + 7}`,
    ]);
  });

  test('sums up structures that differ only in their numbers', async () => {
    const path = copy(plain, 'alike.img');
    const script = Array.from(
      { length: 60 },
      (_, index) => `set_inode_field <${100 + index}> version 0x01010101`,
    );
    const commands = join(images.folder, 'commands');
    writeFileSync(commands, `${script.join('\n')}\n`);
    tool('debugfs', 'e2fsprogs', ['-w', '-f', commands, path]);
    const found = await differences(plain, path);
    expect(found.filter((line) => /^B inode \d+: i_version, 4 bytes/.test(line))).toHaveLength(20);
    expect(found.at(-1)).toBe('B inode #: i_version: 40 more like this, 160 bytes');
  });
});

describe('diff of images that cannot be compared as files', () => {
  test('says that formats differ', async () => {
    expect(await differences(images.ext4, images.erofs)).toEqual(['M the image (format ext4 -> erofs)']);
  });

  test('compares a damaged partition by its bytes', async () => {
    const path = copy(images.disk, 'damaged.img');
    flip(path, 10 * MIB + 1024 + 24);
    expect(await differences(images.disk, path)).toEqual([
      expect.stringMatching(/^M A_root: \(damaged in the newer image: .*A_root: .*superblock/),
      `B A_root: superblock: s_log_block_size, 1 byte at ${1024 + 24}`,
    ]);
  });

  test('says in one line, with exit status 1, that an image cannot be read', async () => {
    expect(await run('diff', images.disk, join(images.folder, 'nowhere'))).toMatchObject({
      status: 1,
      error: expect.stringMatching(/nowhere: no such file or directory/),
    });
    expect(await run('diff', images.disk)).toMatchObject({
      status: 1,
      error: expect.stringMatching(/the image is missing/),
    });
  });
});
