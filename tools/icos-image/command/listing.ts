/** Formats the line of `ls -l` for an entry. */
import type { Entry } from '../../lib/formats/entry/entry.ts';
import { nameBytes, printableName } from '../../lib/formats/entry/name.ts';
import type { Timestamp, TreeRecord } from '../../lib/formats/entry/tree-reader.ts';

/** POSIX `ls`, "STDOUT": the first character of the mode. */
const TYPE_CHARACTERS: Readonly<Record<Entry['type'], string>> = {
  file: '-',
  hardlink: '-',
  directory: 'd',
  symlink: 'l',
  'character-device': 'c',
  'block-device': 'b',
  fifo: 'p',
  socket: 's',
};

const SET_UID = 0o4000;
const SET_GID = 0o2000;
const STICKY = 0o1000;

/** Formats three permission bits. The last character also shows set-uid, set-gid or sticky. */
function triple(bits: number, isSpecial: boolean, special: string): string {
  const execute = (bits & 1) !== 0;
  const last = isSpecial ? (execute ? special : special.toUpperCase()) : execute ? 'x' : '-';
  return `${(bits & 4) !== 0 ? 'r' : '-'}${(bits & 2) !== 0 ? 'w' : '-'}${last}`;
}

/** Formats the type and the mode: `-rwsr-xr-x`. */
export function modeString(type: Entry['type'], mode: number): string {
  return (
    TYPE_CHARACTERS[type] +
    triple(mode >> 6, (mode & SET_UID) !== 0, 's') +
    triple(mode >> 3, (mode & SET_GID) !== 0, 's') +
    triple(mode, (mode & STICKY) !== 0, 't')
  );
}

/** The mark of `ls`: `+` for an access control list, `.` for an SELinux label alone. */
function attributeMark({ xattrs }: Entry): string {
  if (xattrs.has('system.posix_acl_access') || xattrs.has('system.posix_acl_default')) return '+';
  return xattrs.has('security.selinux') ? '.' : '';
}

/** Formats a time in UTC: `2026-01-31 12:00`, or `@SECONDS` outside the range of dates. */
function timeString({ seconds }: Timestamp): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return `@${seconds}`;
  return date.toISOString().slice(0, 16).replace('T', ' ');
}

function sizeString(entry: Entry): string {
  switch (entry.type) {
    case 'file':
      return String(entry.sizeBytes);
    case 'symlink':
      return String(nameBytes(entry.target));
    case 'character-device':
    case 'block-device':
      return `${entry.major}, ${entry.minor}`;
    default:
      return '0';
  }
}

/** The columns of `ls -l`; the last one is the name. */
export function columns(record: TreeRecord, name: string): string[] {
  const { entry, linkCount, modificationTime } = record;
  const arrow = entry.type === 'symlink' ? ` -> ${printableName(entry.target)}` : '';
  return [
    modeString(entry.type, entry.mode) + attributeMark(entry),
    String(linkCount),
    String(entry.uid),
    String(entry.gid),
    sizeString(entry),
    timeString(modificationTime),
    printableName(name) + arrow,
  ];
}

/** Aligns columns: numbers to the right, text to the left, without trailing blanks. */
export function table(rows: readonly (readonly string[])[], rightAligned: readonly number[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, index) => {
        const width = widths[index] ?? 0;
        return rightAligned.includes(index) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join(' ')
      .trimEnd(),
  );
}

/** Right-aligned columns of `ls -l`: links, owner, group, size. */
export const LISTING_NUMBERS: readonly number[] = [1, 2, 3, 4];
