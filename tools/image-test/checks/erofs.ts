import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageEntry } from '../../lib/image/manifest/manifest.ts';
import type { PartitionImage } from '../image.ts';
import { failure, runRealTool } from '../tool.ts';
import { dumpProblems } from './debugfs.ts';

const PERMISSIONS = 0o7777;
/** The bits that dump.erofs shows. */
const ACCESS = 0o777;
/** The names of the entry types in the output of dump.erofs. */
const DUMP_TYPES: Readonly<Record<ImageEntry['type'], string>> = {
  file: 'regular file',
  hardlink: 'regular file',
  directory: 'directory',
  symlink: 'symlink file',
  'character-device': 'char dev',
  'block-device': 'block dev',
  fifo: 'FIFO file',
  socket: 'socket file',
};

/**
 * Checks the permissions of every file and directory that fsck.erofs copies out of the file system,
 * and the digest of every file.
 */
export function fsckContentProblems({ name, path, entries }: PartitionImage, folder: string): string[] {
  const copied = runRealTool('fsck.erofs', 'erofs-utils', [
    `--extract=${folder}`,
    '--no-preserve-owner',
    '--preserve-perms',
    path,
  ]);
  const problems = failure('fsck.erofs --extract', copied);
  for (const entry of entries) {
    if (entry.type !== 'file' && entry.type !== 'directory') continue;
    const mode = lstatSync(join(folder, entry.path), { throwIfNoEntry: false })?.mode;
    const expected = Number.parseInt(entry.mode, 8);
    if (mode !== undefined && (mode & PERMISSIONS) !== expected) {
      problems.push(
        `${name}:${entry.path}: the copy has the mode ${(mode & PERMISSIONS).toString(8)}, the manifest has ${entry.mode}`,
      );
    }
  }
  return [...problems, ...dumpProblems(name, entries, folder)];
}

/**
 * Whether to check an entry with dump.erofs. It accepts only one path per run, so only unusual
 * entries are checked.
 */
function isSpecial(entry: ImageEntry): boolean {
  if (entry.type === 'hardlink') return false;
  const hasXattrs = Object.keys(entry.xattrs ?? {}).length > 0;
  return (
    entry.path === '/' ||
    entry.uid !== 0 ||
    entry.gid !== 0 ||
    hasXattrs ||
    Number.parseInt(entry.mode, 8) > 0o777
  );
}

function statProblems(where: string, entry: ImageEntry, text: string): string[] {
  const problems: string[] = [];
  const expect = (what: string, pattern: RegExp, expected: string): void => {
    const actual = pattern.exec(text)?.[1];
    if (actual !== expected)
      problems.push(`${where}: dump.erofs shows ${what} ${actual}, the manifest has ${expected}`);
  };
  expect('type', /On-disk size: \d+ {2}(.*)/, DUMP_TYPES[entry.type]);
  expect('owner', /Uid: (\d+)/, `${entry.uid}`);
  expect('group', /Gid: (\d+)/, `${entry.gid}`);
  expect(
    'access',
    /Access: 0(\d+)\//,
    (Number.parseInt(entry.mode, 8) & ACCESS).toString(8).padStart(3, '0'),
  );
  if (entry.sizeBytes !== undefined) expect('size', /^Size: (\d+)/m, `${entry.sizeBytes}`);
  const hasXattrs = Object.keys(entry.xattrs ?? {}).length > 0;
  if (/Xattr size: 0$/m.test(text) === hasXattrs) {
    problems.push(`${where}: dump.erofs shows ${hasXattrs ? 'no' : 'some'} extended attributes`);
  }
  return problems;
}

/**
 * Checks that dump.erofs shows owner, access and type as the manifest has them, for every entry
 * that is set-uid, not owned by root, or has attributes.
 */
export function dumpErofsProblems({ name, path, entries }: PartitionImage): string[] {
  return entries.filter(isSpecial).flatMap((entry) => {
    const result = runRealTool('dump.erofs', 'erofs-utils', [`--path=${entry.path}`, path]);
    const failed = failure(`dump.erofs --path=${entry.path}`, result);
    return failed.length > 0 ? failed : statProblems(`${name}:${entry.path}`, entry, result.stdout);
  });
}
