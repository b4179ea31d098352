/** Describes trees in lines that can be compared: one per path, with everything about it. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { comparePaths, type Entry, type Xattrs } from '../../tools/lib/formats/entry/entry.ts';
import type { TreeReader } from '../../tools/lib/formats/entry/tree-reader.ts';
import { readTar } from '../../tools/lib/formats/tar/reader.ts';
import type { SampleTree } from './sample-trees.ts';

/** Descriptions by path. */
export type Listing = ReadonlyMap<string, string>;

export interface ListedEntry {
  readonly entry: Entry;
  /** The digest of a file's content. */
  readonly digest?: string;
}

function xattrText(xattrs: Xattrs): string {
  const named = [...xattrs].map(([name, value]) => `${name}=${Buffer.from(value).toString('hex')}`);
  return named.sort().join(' ');
}

function text({ entry, digest }: ListedEntry): string {
  const { type, mode, uid, gid, xattrs } = entry;
  if (type === 'hardlink') return `hardlink to ${JSON.stringify(entry.target)}`;
  const common = `${type} ${mode.toString(8)} ${uid}:${gid} ${xattrText(xattrs)}`;
  if (type === 'file') return `${common} ${entry.sizeBytes} ${digest}`;
  if (type === 'symlink') return `${common} -> ${JSON.stringify(entry.target)}`;
  if (type === 'character-device' || type === 'block-device')
    return `${common} ${entry.major}:${entry.minor}`;
  return common;
}

function digestOf(pieces: Iterable<Uint8Array>): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

/** Describes entries. @param forget removes the properties that the format cannot store */
export function listingOf(entries: Iterable<ListedEntry>, forget: (entry: Entry) => Entry): Listing {
  const listing = new Map<string, string>();
  for (const { entry, digest } of entries) {
    if (listing.has(entry.path)) throw new Error(`${entry.path} occurs twice`);
    listing.set(entry.path, text({ entry: forget(entry), ...(digest === undefined ? {} : { digest }) }));
  }
  return listing;
}

/** Adds the digest of its content to a file. */
export function listedFile(entry: Entry, pieces: Iterable<Uint8Array>): ListedEntry {
  return { entry, digest: digestOf(pieces) };
}

export function* sampleEntries(tree: SampleTree): Generator<ListedEntry> {
  for (const entry of tree.entries) {
    yield entry.type === 'file' ? listedFile(entry, tree.content(entry.path)) : { entry };
  }
}

export function* readerEntries(reader: TreeReader): Generator<ListedEntry> {
  for (const { entry } of reader.walk()) {
    yield entry.type === 'file' ? listedFile(entry, reader.readFile(entry.path)) : { entry };
  }
}

/**
 * Reads an archive of GNU tar. The first path of a file, in path order, becomes the target of its
 * hard links. The order of the archive does not matter.
 */
export async function tarEntries(path: string): Promise<ListedEntry[]> {
  const found = new Map<string, ListedEntry>();
  let open: { entry: Entry; hash: ReturnType<typeof createHash> } | undefined;
  const close = (): void => {
    if (open !== undefined)
      found.set(open.entry.path, { entry: open.entry, digest: open.hash.digest('hex') });
    open = undefined;
  };
  for await (const event of readTar(createReadStream(path, { highWaterMark: 1 << 20 }), path)) {
    if (event.kind === 'data') {
      open?.hash.update(event.bytes);
      continue;
    }
    close();
    if (event.entry.type === 'file') open = { entry: event.entry, hash: createHash('sha256') };
    else found.set(event.entry.path, { entry: event.entry });
  }
  close();
  return relinked(found);
}

/** Makes the first path of each file the file, and the others hard links, as our readers do. */
function relinked(found: ReadonlyMap<string, ListedEntry>): ListedEntry[] {
  const names = new Map<string, string[]>();
  for (const { entry } of found.values()) {
    const file = entry.type === 'hardlink' ? entry.target : entry.path;
    const paths = names.get(file);
    if (paths === undefined) names.set(file, [entry.path]);
    else paths.push(entry.path);
  }
  return [...names].flatMap(([file, paths]) => {
    const original = found.get(file);
    if (original === undefined) throw new Error(`a hard link to ${file}, which does not exist`);
    const [first = file, ...others] = paths.sort(comparePaths);
    const { mode, uid, gid, xattrs } = original.entry;
    return [
      { ...original, entry: { ...original.entry, path: first } },
      ...others.map((path) => ({
        entry: { type: 'hardlink' as const, path, target: first, mode, uid, gid, xattrs },
      })),
    ];
  });
}
