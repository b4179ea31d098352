/**
 * Compares written trees with the trees that GNU tar packs from the images, which a Linux kernel
 * mounts.
 */
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, ftruncateSync, openSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { directory, file, hardlink } from '../../testing/entries/entries.ts';
import { namesTree, sizesTree, typesTree, xattrsTree } from '../../testing/erofs/boundary-trees.ts';
import {
  expectedOf,
  ImageFolder,
  type SeenEntry,
  seen,
  type TestTree,
  tree,
} from '../../testing/erofs/erofs-image.ts';
import { runInKernel } from '../../testing/kernel/test-kernel.ts';
import { comparePaths, type Entry } from '../entry/entry.ts';
import { readTar } from '../tar/reader.ts';

const ARCHIVE_BYTES = 64 << 20;
const images = new ImageFolder();
afterAll(() => images.remove());

function blankDisk(name: string): string {
  const path = images.file(name);
  const descriptor = openSync(path, 'w');
  ftruncateSync(descriptor, ARCHIVE_BYTES);
  closeSync(descriptor);
  return path;
}

/**
 * Mounts each image and packs its tree. @returns the archives, and the sockets, which tar cannot
 * store
 */
async function packedByKernel(
  imagePaths: readonly string[],
): Promise<{ archives: string[]; output: string }> {
  const archives = imagePaths.map((_, index) => blankDisk(`archive-${index}.tar`));
  const disks = imagePaths.flatMap((path, index) => [
    { path },
    { path: archives[index] as string, writable: true },
  ]);
  const letter = (index: number): string => String.fromCharCode('a'.charCodeAt(0) + index);
  const steps = imagePaths.map((_, index) => {
    const [image, archive] = [letter(index * 2), letter(index * 2 + 1)];
    return `mount -t erofs -o ro /dev/ubd${image} /mnt
      tool tar -cf /dev/ubd${archive} --format=posix --xattrs --xattrs-include='*' --numeric-owner -C /mnt . 2>&1 |
        (grep -v 'socket ignored' || true)
      (cd /mnt && find . -type s -exec stat -c '${index} %a %u:%g %n' {} ';')
      umount /mnt`;
  });
  const { output, status, kernelLog } = await runInKernel({
    disks,
    memoryMebibytes: 512,
    script: `load erofs\n${steps.join('\n')}`,
  });
  if (status !== 0) throw new Error(`${output.toString()}\n${kernelLog.slice(-3000)}`);
  return { archives, output: output.toString() };
}

/** Returns the entries of an archive. The first path of each file, in path order, is the file. */
async function archiveEntries(path: string): Promise<SeenEntry[]> {
  const found = new Map<string, { entry: Entry; hash: ReturnType<typeof createHash> }>();
  let hash = createHash('sha256');
  for await (const event of readTar(createReadStream(path), path)) {
    if (event.kind === 'data') hash.update(event.bytes);
    else {
      hash = createHash('sha256');
      found.set(event.entry.path, { entry: event.entry, hash });
    }
  }
  const names = new Map<string, string[]>();
  for (const { entry } of found.values()) {
    const owner = entry.type === 'hardlink' ? entry.target : entry.path;
    names.set(owner, [...(names.get(owner) ?? []), entry.path]);
  }
  const entries = [...names].flatMap(([owner, paths]) => {
    const original = found.get(owner) as { entry: Entry; hash: ReturnType<typeof createHash> };
    const [first = owner, ...others] = paths.sort(comparePaths);
    const { mode, uid, gid, xattrs } = original.entry;
    const digest = original.entry.type === 'file' ? original.hash.digest('hex') : undefined;
    return [
      { path: first, seen: seen({ ...original.entry, path: first }, digest) },
      ...others.map((path) => ({
        path,
        seen: seen({ type: 'hardlink', path, target: first, mode, uid, gid, xattrs }, undefined),
      })),
    ];
  });
  return entries.sort((left, right) => comparePaths(left.path, right.path)).map((entry) => entry.seen);
}

function withoutSockets(content: TestTree): SeenEntry[] {
  return expectedOf(content).filter(({ type }) => type !== 'socket');
}

const LINKS = 65_000;

test('the kernel shows the trees that were written', async () => {
  const trees: [string, TestTree, Parameters<ImageFolder['write']>[1]][] = [
    ['sizes', sizesTree(), {}],
    ['sizes-runs', sizesTree(), { inlineTails: false, sizeBytes: 16 << 20 }],
    ['sizes-lz4', sizesTree(), { compression: { algorithm: 'lz4' } }],
    ['sizes-lz4-small', sizesTree(), { compression: { algorithm: 'lz4', clusterBytes: 8192, level: 4 } }],
    ['sizes-lz4-large', sizesTree(), { compression: { algorithm: 'lz4', clusterBytes: 1 << 20, level: 3 } }],
    ['types', typesTree(), {}],
    ['names', namesTree(), {}],
    ['xattrs', xattrsTree(), {}],
  ];
  const paths = trees.map(([name, content, options]) => images.write(content, options, `${name}.img`));
  const { archives, output } = await packedByKernel(paths);
  expect(output).toBe('5 600 0:0 ./socket\n');
  for (const [index, [name, content]] of trees.entries()) {
    expect({ name, entries: await archiveEntries(archives[index] as string) }).toEqual({
      name,
      entries: withoutSockets(content),
    });
  }
});

test(`the kernel counts ${LINKS} names of one file`, async () => {
  const links = Array.from({ length: LINKS - 1 }, (_, index) => hardlink(`dir/link-${index}`, 'a'));
  const path = images.write(tree([file('a', 5), directory('dir'), ...links]));
  const { output } = await runInKernel({
    disks: [{ path }],
    script:
      'load erofs\nmount -t erofs -o ro /dev/ubda /mnt\nstat -c %h /mnt/a\nls /mnt/dir | wc -l\nls /mnt/dir/link-64998',
  });
  expect(output.toString()).toBe(`${LINKS}\n${LINKS - 1}\n/mnt/dir/link-64998\n`);
});
