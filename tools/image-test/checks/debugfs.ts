import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageEntry } from '../../lib/image/manifest/manifest.ts';
import type { PartitionImage } from '../image.ts';
import { failure, runRealTool } from '../tool.ts';

/** The names of the entry types in the output of debugfs. */
const DEBUGFS_TYPES: Readonly<Record<ImageEntry['type'], string>> = {
  file: 'regular',
  hardlink: 'regular',
  directory: 'directory',
  symlink: 'symlink',
  'character-device': 'character special',
  'block-device': 'block special',
  fifo: 'FIFO',
  socket: 'socket',
};

interface DebugfsInode {
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly xattrs: ReadonlyMap<string, string>;
}

/**
 * Parses extended attributes. debugfs shows text values in quotes, and other values in hexadecimal.
 */
function parseXattrs(text: string): Map<string, string> {
  const xattrs = new Map<string, string>();
  for (const [, name = '', hex, quoted] of text.matchAll(
    /^ {2}(\S+) \(\d+\)(?: = (?:((?:[0-9a-f]{2} ?)+)|"(.*)"))?\s*$/gm,
  )) {
    const value =
      hex === undefined ? Buffer.from(quoted ?? '', 'latin1') : Buffer.from(hex.replaceAll(' ', ''), 'hex');
    xattrs.set(name, value.toString('base64'));
  }
  return xattrs;
}

function parseStat(text: string): DebugfsInode | undefined {
  const head = /Type: (.+?) +Mode: +(\d+)/.exec(text);
  const owner = /User: +(\d+) +Group: +(\d+) .*Size: (\d+)/.exec(text);
  if (head === null || owner === null) return undefined;
  const attributes = text.indexOf('Extended attributes:');
  return {
    type: head[1] ?? '',
    mode: Number.parseInt(head[2] ?? '', 8),
    uid: Number(owner[1]),
    gid: Number(owner[2]),
    sizeBytes: Number(owner[3]),
    xattrs: attributes < 0 ? new Map() : parseXattrs(text.slice(attributes)),
  };
}

/**
 * acl_ea_header: version 1 on disks of ext4, where only named users and groups have an id; version
 * 2 in system calls.
 */
const ACL_DISK_VERSION = 1;
const ACL_HEADER_BYTES = 4;
const ACL_NAMED_TAGS: readonly number[] = [0x02, 0x08];

/**
 * Returns an access control list of either version as text, and other values unchanged. It is
 * decoded here, not by our library, so that the check is independent of the writer.
 */
function canonical(name: string, value: string | undefined): string | undefined {
  if (value === undefined || !name.startsWith('system.posix_acl_')) return value;
  const bytes = Buffer.from(value, 'base64');
  const onDisk = bytes.readUInt32LE(0) === ACL_DISK_VERSION;
  const entries: string[] = [];
  for (let offset = ACL_HEADER_BYTES; offset < bytes.length; ) {
    const tag = bytes.readUInt16LE(offset);
    const isNamed = ACL_NAMED_TAGS.includes(tag);
    const id = isNamed ? bytes.readUInt32LE(offset + 4) : '';
    entries.push(`${tag}:${id}:${bytes.readUInt16LE(offset + 2)}`);
    offset += onDisk && !isNamed ? 4 : 8;
  }
  return entries.join(',');
}

function quote(path: string): string {
  return `"${path.replaceAll('"', '""')}"`;
}

/** Runs `stat` of debugfs for all paths in one process. */
function statAll(image: string, paths: readonly string[]): Map<string, DebugfsInode | undefined> {
  const commands = paths.map((path) => `stat ${quote(path)}\n`).join('');
  const { stdout } = runRealTool('debugfs', 'e2fsprogs', ['-f', '-', image], commands);
  const answers = stdout.split(/^debugfs: stat .*$/m).slice(1);
  return new Map(paths.map((path, index) => [path, parseStat(answers[index] ?? '')]));
}

function inodeProblems(where: string, entry: ImageEntry, inode: DebugfsInode | undefined): string[] {
  if (inode === undefined) return [`${where}: debugfs does not find it`];
  const problems: string[] = [];
  const expect = (what: string, actual: unknown, expected: unknown) => {
    if (actual !== expected)
      problems.push(`${where}: debugfs shows ${what} ${actual}, the manifest has ${expected}`);
  };
  expect('type', inode.type, DEBUGFS_TYPES[entry.type]);
  if (entry.type === 'hardlink') return problems;
  expect('mode', inode.mode.toString(8), Number.parseInt(entry.mode, 8).toString(8));
  expect('owner', `${inode.uid}:${inode.gid}`, `${entry.uid}:${entry.gid}`);
  if (entry.sizeBytes !== undefined) expect('size', inode.sizeBytes, entry.sizeBytes);
  const expected = Object.entries(entry.xattrs ?? {});
  expect('number of xattrs', inode.xattrs.size, expected.length);
  for (const [name, value] of expected)
    expect(name, canonical(name, inode.xattrs.get(name)), canonical(name, value));
  return problems;
}

/** Checks that debugfs shows every entry as the manifest has it. */
export function debugfsProblems({ name, path, entries }: PartitionImage): string[] {
  const inodes = statAll(
    path,
    entries.map((entry) => entry.path),
  );
  return entries.flatMap((entry) => inodeProblems(`${name}:${entry.path}`, entry, inodes.get(entry.path)));
}

/**
 * Checks that files that a real tool copied out of the file system have the digests of the
 * manifest.
 */
export function dumpProblems(name: string, entries: readonly ImageEntry[], folder: string): string[] {
  const problems: string[] = [];
  for (const entry of entries) {
    if (entry.type !== 'file') continue;
    const path = join(folder, entry.path);
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
      problems.push(`${name}:${entry.path}: it was not copied out`);
      continue;
    }
    const digest = createHash('sha256').update(readFileSync(path)).digest('hex');
    if (digest !== entry.sha256) problems.push(`${name}:${entry.path}: its content has another digest`);
  }
  return problems;
}

/** Checks the digest of every file that debugfs copies out of an ext4 file system. */
export function debugfsContentProblems(partition: PartitionImage, folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  // debugfs reports owners that it is not allowed to set; the contents are complete anyway.
  runRealTool('debugfs', 'e2fsprogs', ['-R', `rdump / ${quote(folder)}`, partition.path]);
  return dumpProblems(partition.name, partition.entries, folder);
}

/** Checks the digest of every file that mtools copies out of a FAT file system. */
export function mtoolsContentProblems(partition: PartitionImage, folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  const copied = runRealTool('mcopy', 'mtools', ['-s', '-n', '-i', partition.path, '::/*', folder]);
  const empty = !partition.entries.some((entry) => entry.path !== '/');
  return empty
    ? []
    : [...failure('mcopy', copied), ...dumpProblems(partition.name, partition.entries, folder)];
}
