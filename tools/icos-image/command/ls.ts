import { baseName, parentPath } from '../../lib/formats/entry/entry.ts';
import { printableName } from '../../lib/formats/entry/name.ts';
import type { TreeReader, TreeRecord } from '../../lib/formats/entry/tree-reader.ts';
import { findTarget, partName, type Target, treeOf } from '../address.ts';
import type { Content } from '../content.ts';
import type { Image } from '../open.ts';
import type { Output } from '../output.ts';
import { findRecord } from '../tree/find.ts';
import { columns, LISTING_NUMBERS, table } from './listing.ts';

export interface LsOptions {
  /** `-l`. */
  readonly long: boolean;
  /** `-R`. */
  readonly recursive: boolean;
  /** `-d`: lists a directory itself instead of its entries. */
  readonly directory: boolean;
}

/** Gives hard links the metadata of the first name. */
class Links {
  readonly #first = new Map<string, TreeRecord>();

  resolved(record: TreeRecord): TreeRecord {
    const { entry } = record;
    if (entry.type === 'hardlink') {
      const first = this.#first.get(entry.target);
      return first === undefined ? record : { ...record, entry: { ...first.entry, path: entry.path } };
    }
    if (entry.type !== 'directory' && record.linkCount > 1) this.#first.set(entry.path, record);
    return record;
  }
}

/** The entries of a directory, and with `-R` of the directories below it, by directory. */
function listDirectories(tree: TreeReader, path: string, recursive: boolean): Map<string, TreeRecord[]> {
  const prefix = path === '' ? '' : `${path}/`;
  const directories = new Map<string, TreeRecord[]>([[path, []]]);
  const links = new Links();
  let isInside = false;
  for (const walked of tree.walk()) {
    const record = links.resolved(walked);
    const { entry } = record;
    if (entry.path === '' || !entry.path.startsWith(prefix)) {
      if (isInside && prefix !== '') break;
      continue;
    }
    isInside = true;
    const parent = parentPath(entry.path);
    if (recursive && entry.type === 'directory') directories.set(entry.path, []);
    if (recursive || parent === path) directories.get(parent)?.push(record);
  }
  return directories;
}

function printRecords(output: Output, records: readonly TreeRecord[], long: boolean, whole: boolean): void {
  const nameOf = ({ entry }: TreeRecord) => (whole ? `/${entry.path}` : baseName(entry.path));
  if (!long) for (const record of records) output.line(printableName(nameOf(record)));
  else {
    const rows = records.map((record) => columns(record, nameOf(record)));
    for (const line of table(rows, LISTING_NUMBERS)) output.line(line);
  }
}

/** Lists the parts of an image, each in the form with which an address begins: `A_root:`. */
function listParts(output: Output, content: Content, long: boolean): void {
  const rows = content.parts.map((part) => [
    ...(long ? [String(part.number ?? ''), String(part.sizeBytes), String(part.facts['type'] ?? '')] : []),
    `${printableName(partName(part))}:`,
  ]);
  for (const line of table(rows, [0, 1])) output.line(long ? line : line.trimStart());
}

function lsTarget(
  output: Output,
  { place, path }: Target,
  heading: string | undefined,
  options: LsOptions,
): void {
  const { content, where } = place;
  if (path === undefined && content.tree === undefined && content.parts.length > 0) {
    listParts(output, content, options.long);
    return;
  }
  const tree = treeOf(place);
  const record = findRecord(tree, path ?? '', !options.long && !options.directory, where);
  if (record.entry.type !== 'directory' || options.directory) {
    const { entry } = record;
    const shown = entry.type === 'hardlink' ? findRecord(tree, entry.target, false, where).entry : entry;
    printRecords(output, [{ ...record, entry: { ...shown, path: entry.path } }], options.long, true);
    return;
  }
  const directories = listDirectories(tree, record.entry.path, options.recursive);
  let isFirst = true;
  for (const [directory, records] of directories) {
    if (options.recursive || heading !== undefined) {
      if (!isFirst) output.line();
      const prefix = place.name === '' ? '' : `${printableName(place.name)}:`;
      output.line(`${prefix}/${printableName(directory)}:`);
    }
    printRecords(output, records, options.long, false);
    isFirst = false;
  }
}

/** `ls`: lists a directory of an image, or the parts of an image. */
export async function ls(
  output: Output,
  image: Image,
  addresses: readonly string[],
  options: LsOptions,
): Promise<void> {
  if (addresses.length === 0) {
    const { content } = image;
    const target =
      content.tree === undefined && content.parts.length > 1
        ? await findTarget(image, undefined)
        : await findTarget(image, '/');
    lsTarget(output, target, undefined, options);
    return;
  }
  for (const [index, address] of addresses.entries()) {
    if (index > 0) output.line();
    lsTarget(output, await findTarget(image, address), addresses.length > 1 ? address : undefined, options);
  }
}
