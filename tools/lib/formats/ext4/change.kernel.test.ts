/**
 * Compares the trees that the reader returns with the trees that Linux wrote, for many sets of
 * features.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { file, xattrs } from '../../testing/entries/entries.ts';
import { debugfs, e2fsckComplaints, ImageFolder, readAll } from '../../testing/ext4/ext4-image.ts';
import { diskDevice, inKernel, inKernelOn, KERNEL_TIMEOUT_MS } from '../../testing/ext4/in-kernel.ts';
import {
  emptyDisk,
  KERNEL_CONTENTS,
  KERNEL_TREE,
  type Seen,
  seenByReader,
  seenByTar,
  seenIn,
  tarTo,
} from '../../testing/ext4/kernel-tree.ts';
import type { TestDisk } from '../../testing/kernel/test-kernel.ts';
import { noise } from '../../testing/noise.ts';
import { realTool } from '../../testing/real-tool.ts';
import { FileImage } from '../block/file.ts';
import type { Entry } from '../entry/entry.ts';
import { TAR_END, tarHeader, tarPadding } from '../tar/writer.ts';
import { readExt4 } from './ext4.ts';

const MIB = 2 ** 20;
const images = new ImageFolder();
afterAll(() => images.remove());

describe('the reader sees the files that the kernel extracted from an archive', () => {
  /** Without large values, which need separate inodes. */
  const tree = KERNEL_TREE.filter(({ path }) => !path.startsWith('with-xattrs/full'));
  const withLargeXattrs = [
    ...tree,
    file('large-xattrs', 0, { xattrs: xattrs({ 'user.a': noise(40_000, 9), 'user.b': noise(65_000, 11) }) }),
  ];
  const archives = { small: images.file('small.tar'), large: images.file('large.tar') };

  function writeArchive(path: string, entries: readonly Entry[]): void {
    const descriptor = openSync(path, 'w');
    const put = (bytes: Uint8Array): void => {
      for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
    };
    for (const entry of entries) {
      put(tarHeader(entry));
      if (entry.type !== 'file') continue;
      put(KERNEL_CONTENTS[entry.path] ?? Buffer.alloc(entry.sizeBytes));
      put(tarPadding(entry.sizeBytes));
    }
    put(TAR_END);
    closeSync(descriptor);
  }
  beforeAll(() => {
    writeArchive(archives.small, tree);
    writeArchive(archives.large, withLargeXattrs);
  });

  interface Case {
    readonly name: string;
    readonly options: readonly string[];
    /** Whether values larger than a block can be stored. */
    readonly isLarge?: true;
    /**
     * Whether blocks are too small for the longest link and for the large attribute of ordinary
     * cases.
     */
    readonly isSmall?: true;
  }
  const of = (name: string, ...options: string[]): Case => ({ name, options });
  const CASES: readonly Case[] = [
    of('into the defaults of mke2fs', '-t', 'ext4', '-b', '4096'),
    { ...of('into blocks of 1 KiB', '-t', 'ext4', '-b', '1024'), isSmall: true },
    of('into ext2', '-t', 'ext2', '-b', '4096'),
    { ...of('into ext3 with blocks of 1 KiB', '-t', 'ext3', '-b', '1024'), isSmall: true },
    of('into inodes with content', '-t', 'ext4', '-b', '4096', '-O', 'inline_data'),
    of('into large inodes with content', '-t', 'ext4', '-b', '4096', '-O', 'inline_data', '-I', '1024'),
    of('into clusters', '-t', 'ext4', '-b', '4096', '-O', 'bigalloc', '-C', '16384'),
    {
      ...of('with inodes for large attributes', '-t', 'ext4', '-b', '4096', '-O', 'ea_inode'),
      isLarge: true,
    },
    of('without types and indexes', '-t', 'ext4', '-b', '4096', '-O', '^filetype,^dir_index'),
    of('with the older checksums', '-t', 'ext4', '-b', '4096', '-O', 'uninit_bg,^metadata_csum,orphan_file'),
  ];
  // Numbers, because a space ends a path on the kernel's command line.
  const imageOf = (testCase: Case): string => images.file(`${CASES.indexOf(testCase)}.img`);
  const archiveOf = (testCase: Case): string => images.file(`${CASES.indexOf(testCase)}.tar`);
  /** A kernel also has the disks /dev/ubda and /dev/ubdb with the archives. */
  const CASES_PER_KERNEL = 5;

  async function extract(cases: readonly Case[]): Promise<void> {
    const disks: TestDisk[] = [{ path: archives.small }, { path: archives.large }];
    const lines = cases.map((testCase) => {
      const { options, isLarge, isSmall } = testCase;
      const path = imageOf(testCase);
      execFileSync(realTool('mke2fs', 'e2fsprogs'), ['-q', '-F', ...options, path, '256M'], {
        stdio: 'ignore',
      });
      disks.push({ path, writable: true });
      disks.push({ path: emptyDisk(archiveOf(testCase), 128 * MIB), writable: true });
      return `
        mount -t ext4 ${diskDevice(disks.length - 2)} /mnt
        tool tar --extract --sparse --numeric-owner --same-permissions --xattrs '--xattrs-include=*' \
          ${isSmall ? '--exclude=longest-link --xattrs-exclude=user.large' : ''} \
          -C /mnt -f /dev/ubd${isLarge ? 'b' : 'a'}
        ${tarTo(diskDevice(disks.length - 1))}
        umount /mnt
      `;
    });
    await inKernel(disks, lines.join('\n'));
  }
  beforeAll(async () => {
    for (let first = 0; first < CASES.length; first += CASES_PER_KERNEL) {
      await extract(CASES.slice(first, first + CASES_PER_KERNEL));
    }
  }, KERNEL_TIMEOUT_MS);

  test.each(CASES)('$name', (testCase) => {
    const byReader = seenByReader(imageOf(testCase));
    expect(byReader).toEqual(seenByTar(archiveOf(testCase)));
    // Both trees also equal the input: a part that both lost would not be noticed otherwise.
    const entries = testCase.isLarge ? withLargeXattrs : tree;
    const stored = testCase.isSmall
      ? entries.filter(({ path }) => path !== 'dir/longest-link').map(withoutLarge)
      : entries;
    expect(withoutLostAndFound(byReader)).toEqual(withoutLostAndFound(seenIn(stored, KERNEL_CONTENTS)));
  });

  function withoutLarge(entry: Entry): Entry {
    return { ...entry, xattrs: new Map([...entry.xattrs].filter(([name]) => name !== 'user.large')) };
  }

  function withoutLostAndFound(found: Map<string, Seen>): Map<string, Seen> {
    return new Map([...found].filter(([path]) => path !== 'lost+found'));
  }
});

describe('after the kernel changed a file system of the writer', () => {
  test.each([{ journal: false }, { journal: true }])('%o: the reader sees the changes', async (options) => {
    const path = images.write(KERNEL_TREE, { sizeBytes: 256 * MIB, ...options }, KERNEL_CONTENTS);
    const archive = emptyDisk(images.file('archive'), 128 * MIB);
    await inKernel(
      [
        { path, writable: true },
        { path: archive, writable: true },
      ],
      `
        mount -t ext4 /dev/ubda /mnt
        cd /mnt
        seq 1 1000 | while read -r number; do echo $number > many/new-$number; done
        seq 0 2 798 | while read -r number; do echo many/näme-$number; done | xargs rm
        printf appended >> dir/content
        chmod 0777 fifo
        mkdir -p fresh/deep
        ln -s $(printf '%0200d' 0) fresh/long
        ln fresh/long fresh/long-too
        mv dir/link fresh/moved
        rm dir/holes
        fallocate -l 10485760 fresh/set-aside
        fallocate -l 10485760 fresh/written
        printf in-the-middle | dd of=fresh/written bs=1 seek=5000000 conv=notrunc 2> /dev/null
        truncate -s 5000000000 fresh/huge
        printf end >> fresh/huge
        ${tarTo('/dev/ubdb')} --sparse
        cd /
        umount /mnt
      `,
    );
    expect(e2fsckComplaints(path)).toBe('');
    expect(readAll(path, 'fresh/set-aside').equals(Buffer.alloc(10 * MIB))).toBe(true);
    expect(readAll(path, 'many/new-1000').toString()).toBe('1000\n');
    const image = FileImage.open(path);
    const reader = readExt4(image);
    const changed = Array.from(reader.walk()).filter(({ changeTime }) => changeTime.seconds !== 0);
    const fresh = changed.find(({ entry }) => entry.path === 'fresh');
    // The seconds and the extra bits of the time. The upper 30 extra bits are nanoseconds.
    const [, seconds, extra] = /crtime: 0x([0-9a-f]+):([0-9a-f]+)/.exec(debugfs(path, 'stat /fresh')) ?? [];
    expect(fresh?.creationTime).toEqual({
      seconds: Number.parseInt(seconds as string, 16),
      nanoseconds: Number.parseInt(extra as string, 16) >>> 2,
    });
    expect([...reader.dataRanges('fresh/huge')]).toEqual([
      { offsetBytes: Math.floor(5e9 / 4096) * 4096, lengthBytes: (5e9 % 4096) + 3 },
    ]);
    image.close();
    expect(changed.map(({ entry }) => entry.path).filter((name) => !name.startsWith('many/'))).toEqual([
      '',
      'dir',
      'dir/content',
      'dir/hard',
      'fifo',
      'fresh',
      'fresh/deep',
      'fresh/huge',
      'fresh/long',
      'fresh/long-too',
      'fresh/moved',
      'fresh/set-aside',
      'fresh/written',
      'many',
    ]);
    const byReader = seenByReader(path, ['fresh/huge']);
    expect(byReader).toEqual(seenByTar(archive, ['fresh/huge']));
    const written = readAll(path, 'fresh/written');
    expect(written.length).toBe(10 * MIB);
    expect(written.indexOf('in-the-middle')).toBe(5_000_000);
  });

  test('a file system with a journal to replay is refused, and read after the kernel has replayed it', async () => {
    const path = images.write([file('f', 0)], { sizeBytes: 64 * MIB, journal: true });
    const copy = emptyDisk(images.file('dirty.img'), 64 * MIB);
    await inKernel(
      [
        { path, writable: true },
        { path: copy, writable: true },
      ],
      `
        mount -t ext4 /dev/ubda /mnt
        echo x > /mnt/new
        sync
        dd if=/dev/ubda of=/dev/ubdb bs=1M 2> /dev/null
        umount /mnt
      `,
    );
    expect(() => seenByReader(copy)).toThrow(`${copy}: its journal has to be replayed first`);
    await inKernelOn(copy, 'mount -t ext4 /dev/ubda /mnt; umount /mnt');
    expect(seenByReader(copy).has('new')).toBe(true);
    expect(seenByReader(copy)).toEqual(seenByReader(path));
  });
});
