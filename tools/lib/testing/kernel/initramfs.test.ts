/**
 * Compares the entries of our newc archives with the files that the kernel unpacks as its first
 * root file system.
 */

import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { type CpioMember, readNewc, writeNewc } from '../../formats/cpio/cpio.ts';
import { comparePaths, type Entry, NO_XATTRS } from '../../formats/entry/entry.ts';
import { decodeName } from '../../formats/entry/name.ts';
import * as sample from '../entries/entries.ts';
import { runInKernel } from './test-kernel.ts';

const NONE = new Uint8Array(0);
const OWNER = { mode: 0o644, uid: 0, gid: 0, xattrs: NO_XATTRS };
const ROOT = 'unpacked';

function bare(entry: Entry): CpioMember {
  return { entry, content: NONE };
}

function file(path: string, sizeBytes: number, more: sample.GivenMetadata = {}): CpioMember {
  const content = Buffer.alloc(sizeBytes, `${path}\n`);
  return { entry: sample.file(`${ROOT}/${path}`, sizeBytes, more), content };
}

function directory(path: string, mode: number, uid = 0): CpioMember {
  return bare(sample.directory(`${ROOT}/${path}`, { mode, uid }));
}

const TREE: readonly CpioMember[] = [
  bare({ ...OWNER, type: 'directory', path: ROOT, mode: 0o711, uid: 3, gid: 4 }),
  // Sizes around the padding of newc, a page, and the amount that the kernel reads at once.
  ...[0, 1, 2, 3, 4, 5, 4095, 4096, 4097, 1_000_001].map((sizeBytes) => file(`size-${sizeBytes}`, sizeBytes)),
  file('set-uid', 5, { mode: 0o6755, uid: 1000, gid: 0xfffe }),
  file('owner', 5, { mode: 0o000, uid: 4_000_000_000, gid: 3_000_000_000 }),
  file('linked', 7, { mode: 0o600, uid: 7 }),
  bare(sample.hardlink(`${ROOT}/linked-too`, `${ROOT}/linked`)),
  bare(sample.hardlink(`${ROOT}/linked-three`, `${ROOT}/linked`)),
  directory('sticky', 0o1777),
  directory('sticky/deeper', 0o2750, 12),
  file('sticky/deeper/file', 3),
  bare({
    ...OWNER,
    type: 'symlink',
    path: `${ROOT}/link`,
    mode: 0o777,
    uid: 5,
    gid: 6,
    target: 'sticky/deeper/file',
  }),
  bare({ ...OWNER, type: 'symlink', path: `${ROOT}/link-of-bytes`, mode: 0o777, target: 'caf\udce9' }),
  bare({
    ...OWNER,
    type: 'symlink',
    path: `${ROOT}/link-that-is-long`,
    mode: 0o777,
    target: 't'.repeat(4000),
  }),
  bare({ ...OWNER, type: 'character-device', path: `${ROOT}/tty`, mode: 0o620, gid: 5, major: 5, minor: 0 }),
  bare(sample.hardlink(`${ROOT}/tty-too`, `${ROOT}/tty`)),
  bare({
    ...OWNER,
    type: 'block-device',
    path: `${ROOT}/disk`,
    mode: 0o660,
    gid: 6,
    major: 259,
    minor: 0xfffff,
  }),
  bare({ ...OWNER, type: 'fifo', path: `${ROOT}/fifo`, mode: 0o604, uid: 8 }),
  bare({ ...OWNER, type: 'socket', path: `${ROOT}/socket`, mode: 0o711, uid: 9 }),
  file('caf\udce9', 3),
  file('Größe €😀', 3),
  file(`${'n'.repeat(254)}\udcff`, 3),
];

const FORMATS = {
  file: 'regular file',
  directory: 'directory',
  symlink: 'symbolic link',
  'character-device': 'character special file',
  'block-device': 'block special file',
  fifo: 'fifo',
  socket: 'socket',
} as const;

/** Returns the expected output of stat for each entry, with the digest of files. */
function expected(members: readonly CpioMember[]): string[] {
  const entries = new Map(members.map(({ entry }) => [entry.path, entry]));
  const names = new Map<string, number>();
  const contents = new Map(members.map(({ entry, content }) => [entry.path, content]));
  for (const { entry } of members) {
    const first = entry.type === 'hardlink' ? entry.target : entry.path;
    names.set(first, (names.get(first) ?? 0) + 1);
  }
  const sorted = members.toSorted((left, right) => comparePaths(left.entry.path, right.entry.path));
  return sorted.map(({ entry: { path, ...own } }) => {
    const first = own.type === 'hardlink' ? own.target : path;
    const entry = entries.get(first);
    if (entry === undefined || entry.type === 'hardlink') throw new Error(`${path}: no file`);
    const isDevice = entry.type === 'character-device' || entry.type === 'block-device';
    const content = contents.get(first) ?? NONE;
    const words = [
      FORMATS[entry.type],
      entry.mode.toString(8),
      entry.uid,
      entry.gid,
      isDevice ? `${entry.major.toString(16)},${entry.minor.toString(16)}` : '0,0',
      entry.type === 'directory' ? '-' : names.get(first),
      entry.type === 'symlink' ? entry.target : '',
      entry.type === 'file' ? `${content.length} ${createHash('sha256').update(content).digest('hex')}` : '',
    ];
    return `${path} ${words.join('|')}`;
  });
}

/** Prints one line per entry: the output of stat, followed by a description of the content. */
const SCRIPT = `
  find ${ROOT} | while read -r path; do
    kind=$(stat -c %F "$path")
    links=$(stat -c %h "$path")
    content=
    target=
    case $kind in
      regular*) kind='regular file' content="$(stat -c %s "$path") $(sha256sum <"$path" | cut -d ' ' -f 1)" ;;
      directory) links=- ;;
      symbolic*) target=$(readlink "$path") ;;
    esac
    stat -c "%n $kind|%a|%u|%g|%t,%T|$links|$target|$content" "$path"
  done
`;

test('the kernel unpacks devices, links, pipes, sockets, names of any bytes, modes and owners unchanged', async () => {
  const archive = Buffer.concat([...writeNewc(TREE)]);
  // An initramfs may have a second archive after the first one, with zeros between them.
  const second = Buffer.concat([
    ...writeNewc([bare({ ...OWNER, type: 'fifo', path: 'second', mode: 0o600 })]),
  ]);
  const initramfs = Buffer.concat([Buffer.alloc(512), archive, Buffer.alloc(1020), second]);
  const { output, status, kernelLog } = await runInKernel({
    disks: [],
    initramfs,
    script: `cd /; ${SCRIPT}\nstat -c %F /second`,
  });
  expect(kernelLog).not.toMatch(/unpacking failed|broken padding|no cpio magic|junk/);
  const lines = output
    .toString('latin1')
    .trimEnd()
    .split('\n')
    .map((line) => decodeName(Buffer.from(line, 'latin1')));
  expect(lines.pop()).toBe('fifo');
  expect(lines.sort()).toEqual(expected(TREE).sort());
  expect(status).toBe(0);
  // The reader also reads both archives.
  expect(readNewc(initramfs).map(({ entry }) => entry.path)).toEqual([
    ...TREE.map(({ entry }) => entry.path),
    'second',
  ]);
});
