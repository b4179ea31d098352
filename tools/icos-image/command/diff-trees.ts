/** Names the files of two trees that differ, and how: one line per path. */
import { createHash } from 'node:crypto';
import { comparePaths, type Entry, type Xattrs } from '../../lib/formats/entry/entry.ts';
import { printableName } from '../../lib/formats/entry/name.ts';
import type { TreeReader, TreeRecord } from '../../lib/formats/entry/tree-reader.ts';

/** A line of the report: `A` added, `D` deleted, `M` changed. */
export interface Change {
  readonly letter: 'A' | 'D' | 'M';
  readonly path: string;
  /** For a changed path: what changed, the old value, the new value. */
  readonly details: readonly string[];
}

const SHOWN_DIGEST_DIGITS = 12;
const SHOWN_VALUE_BYTES = 48;

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

/** Whether two files have the same bytes. Their pieces may have different sizes. */
export function sameBytes(left: Iterable<Uint8Array>, right: Iterable<Uint8Array>): boolean {
  const others = right[Symbol.iterator]();
  let other: Buffer = Buffer.alloc(0);
  const advance = (): boolean => {
    while (other.length === 0) {
      const next = others.next();
      if (next.done === true) return false;
      other = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.length);
    }
    return true;
  };
  for (const piece of left) {
    for (let done = 0; done < piece.length; ) {
      if (!advance()) return false;
      const count = Math.min(other.length, piece.length - done);
      if (other.compare(piece, done, done + count, 0, count) !== 0) return false;
      other = other.subarray(count);
      done += count;
    }
  }
  return !advance();
}

function digest(pieces: Iterable<Uint8Array>): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex').slice(0, SHOWN_DIGEST_DIGITS);
}

function xattrText(value: Uint8Array | undefined): string {
  if (value === undefined) return 'none';
  const bytes = Buffer.from(value);
  const text = bytes.toString('utf8').replace(/\0$/, '');
  if (/^[\x20-\x7e]*$/.test(text) && text.length <= SHOWN_VALUE_BYTES) return JSON.stringify(text);
  const hex = bytes.toString('hex', 0, SHOWN_VALUE_BYTES);
  return bytes.length > SHOWN_VALUE_BYTES ? `0x${hex}...` : `0x${hex}`;
}

function xattrDetails(older: Xattrs, newer: Xattrs): string[] {
  const names = [...new Set([...older.keys(), ...newer.keys()])].sort(comparePaths);
  return names.flatMap((name) => {
    const [before, after] = [older.get(name), newer.get(name)];
    const isSame = before !== undefined && after !== undefined && Buffer.compare(before, after) === 0;
    return isSame ? [] : [`${printableName(name)} ${xattrText(before)} -> ${xattrText(after)}`];
  });
}

/** Returns the target or the device number of an entry, which `diff` compares as text. */
function targetText(entry: Entry): string | undefined {
  switch (entry.type) {
    case 'symlink':
    case 'hardlink':
      return printableName(entry.target);
    case 'character-device':
    case 'block-device':
      return `${entry.major},${entry.minor}`;
    default:
      return undefined;
  }
}

export class TreeComparison {
  readonly #older: TreeReader;
  readonly #newer: TreeReader;

  constructor(older: TreeReader, newer: TreeReader) {
    this.#older = older;
    this.#newer = newer;
  }

  /** Walks both trees side by side. */
  *changes(): Generator<Change> {
    const olds = this.#older.walk()[Symbol.iterator]();
    const news = this.#newer.walk()[Symbol.iterator]();
    let older = olds.next();
    let newer = news.next();
    while (older.done !== true || newer.done !== true) {
      const order =
        older.done === true
          ? 1
          : newer.done === true
            ? -1
            : comparePaths(older.value.entry.path, newer.value.entry.path);
      if (order < 0) {
        yield { letter: 'D', path: (older.value as TreeRecord).entry.path, details: [] };
        older = olds.next();
      } else if (order > 0) {
        yield { letter: 'A', path: (newer.value as TreeRecord).entry.path, details: [] };
        newer = news.next();
      } else {
        const record = older.value as TreeRecord;
        const details = this.#details(record.entry, (newer.value as TreeRecord).entry);
        if (details.length > 0) yield { letter: 'M', path: record.entry.path, details };
        older = olds.next();
        newer = news.next();
      }
    }
  }

  #details(older: Entry, newer: Entry): string[] {
    if (older.type !== newer.type) return [`type ${older.type} -> ${newer.type}`];
    const [from, to] = [targetText(older), targetText(newer)];
    const target =
      from === to ? [] : [`${older.type.endsWith('device') ? 'device' : 'target'} ${from} -> ${to}`];
    // Everything else about a hard link belongs to its first name, and is compared there.
    if (older.type === 'hardlink') return target;
    return [
      ...(older.mode === newer.mode ? [] : [`mode ${octal(older.mode)} -> ${octal(newer.mode)}`]),
      ...(older.uid === newer.uid && older.gid === newer.gid
        ? []
        : [`owner ${older.uid}:${older.gid} -> ${newer.uid}:${newer.gid}`]),
      ...target,
      ...xattrDetails(older.xattrs, newer.xattrs),
      ...this.#contentDetails(older, newer),
    ];
  }

  #contentDetails(older: Entry, newer: Entry): string[] {
    if (older.type !== 'file' || newer.type !== 'file') return [];
    const read = () => [this.#older.readFile(older.path), this.#newer.readFile(newer.path)] as const;
    const size = older.sizeBytes === newer.sizeBytes ? [] : [`size ${older.sizeBytes} -> ${newer.sizeBytes}`];
    if (size.length === 0 && sameBytes(...read())) return [];
    const [before, after] = read();
    return [...size, `sha256 ${digest(before)} -> ${digest(after)}`];
  }
}
