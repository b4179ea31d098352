/** Checks the limits of the writer in a running kernel: directories, links and sizes. */
import { afterAll, expect, test } from 'vitest';
import { directory, file, hardlink } from '../../testing/entries/entries.ts';
import { debugfs, e2fsckComplaints, ImageFolder, TEST_OPTIONS } from '../../testing/ext4/ext4-image.ts';
import { inKernelOn } from '../../testing/ext4/in-kernel.ts';
import type { BlockSink } from '../block/block.ts';
import { FileImage } from '../block/file.ts';
import { Ext4Writer, minimumExt4SizeBytes, readExt4 } from './ext4.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const images = new ImageFolder();
afterAll(() => images.remove());

test('a directory of 100,000 names: the kernel finds each, and adds and removes some', async () => {
  const names = Array.from(
    { length: 100_000 },
    (_, index) => `f${'näme'.slice(0, index % 5)}-${index}-${'x'.repeat(index % 40)}`,
  );
  const path = images.write([directory('many'), ...names.map((name) => file(`many/${name}`, 0))], {
    sizeBytes: 512 * MIB,
    journal: true,
    freeInodes: 10_000,
  });
  expect(debugfs(path, 'htree_dump /many').slice(0, 200)).toContain('Indirect levels: 1');
  const output = await inKernelOn(
    path,
    `
      mount -t ext4 /dev/ubda /mnt
      cd /mnt/many
      xargs ls -d < /names | wc -l
      [ ! -e nothing ]
      head -n 20000 /names | tail -n 2000 | xargs rm
      seq 1 2000 | sed s,^,new-, | xargs touch
      ls | wc -l
      cd /
      umount /mnt
    `,
    { '/names': `${names.join('\n')}\n` },
  );
  expect(output).toBe('100000\n100000\n');
  expect(e2fsckComplaints(path)).toBe('');
  const image = FileImage.open(path);
  const found = new Set(Array.from(readExt4(image).walk(), ({ entry }) => entry.path));
  image.close();
  const expected = [...names.slice(0, 18_000), ...names.slice(20_000)].map((name) => `many/${name}`);
  for (let number = 1; number <= 2000; number++) expected.push(`many/new-${number}`);
  expect(found.size).toBe(expected.length + 3);
  expect(expected.filter((name) => !found.has(name))).toEqual([]);
});

test('a file with 64,998 names and a directory with 64,998 sub-directories: the kernel adds more', async () => {
  const number = (index: number): string => `${index}`.padStart(5, '0');
  const entries = [
    directory('dirs'),
    ...Array.from({ length: 64_998 }, (_, index) => directory(`dirs/${number(index)}`)),
    directory('links'),
    file('links/00000', 3),
    ...Array.from({ length: 64_997 }, (_, index) => hardlink(`links/${number(index + 1)}`, 'links/00000')),
  ];
  const sizeBytes = minimumExt4SizeBytes(entries, { ...TEST_OPTIONS, freeInodes: 100 }, 8 * MIB);
  const path = images.write(entries, { sizeBytes, freeInodes: 100 }, { 'links/00000': Buffer.from('abc') });
  expect(e2fsckComplaints(path)).toBe('');
  const output = await inKernelOn(
    path,
    `
      mount -t ext4 /dev/ubda /mnt
      cd /mnt
      stat -c %h links/00000 dirs
      ln links/00000 links/one
      ln links/00001 links/two
      ln links/00000 links/three 2>&1 || stat -c %h links/two
      mkdir dirs/more
      stat -c %h dirs
      rmdir dirs/more dirs/00000
      cat links/64997; echo
      cd /
      umount /mnt
    `,
  );
  expect(output).toBe('64998\n65000\nln: links/three: Too many links\n65000\n1\nabc\n');
  expect(e2fsckComplaints(path)).toBe('');
});

test('the kernel reads files of more than 4 GiB, with holes and with full extents', async () => {
  const path = images.file('large.img');
  const sizeBytes = 6 * GIB;
  const image = FileImage.create(path, sizeBytes);
  // Large pieces are content. The test reads only the last bytes, so most need not be stored.
  const sink: BlockSink = {
    write: (offset, bytes) => {
      if (bytes.length < MIB) image.write(offset, bytes);
    },
  };
  const writer = new Ext4Writer(sink, [file('holes', 15 * 2 ** 40), file('whole', 4 * GIB + 5)], {
    ...TEST_OPTIONS,
    sizeBytes,
  });
  const holes = writer.openFile('holes');
  holes.write(Buffer.from('start'));
  holes.skip(15 * 2 ** 40 - 8);
  holes.write(Buffer.from('end'));
  holes.close();
  const whole = writer.openFile('whole');
  const piece = Buffer.alloc(MIB, 0x61);
  for (let done = 0; done < 4 * GIB; done += piece.length) whole.write(piece);
  whole.write(Buffer.from('hello'));
  whole.close();
  writer.finish();
  image.close();
  expect(e2fsckComplaints(path)).toBe('');
  expect(debugfs(path, 'stat /whole').match(/\(\d+-\d+\):/g)?.length).toBeLessThan(70);
  const output = await inKernelOn(
    path,
    `
      mount -t ext4 /dev/ubda /mnt
      stat -c '%s %b' /mnt/holes /mnt/whole
      head -c 5 /mnt/holes; echo
      tail -c 3 /mnt/holes; echo
      tail -c 6 /mnt/whole | od -An -c
      umount /mnt
    `,
  );
  // The extents of the second file need another block.
  const sectors = (4 * GIB) / 512 + 8 + 8;
  expect(output.replaceAll(/ +/g, ' ')).toBe(
    `${15 * 2 ** 40} 16\n${4 * GIB + 5} ${sectors}\nstart\nend\n \\0 h e l l o\n`,
  );
});
