import { printableName } from '../../lib/formats/entry/name.ts';
import type { TreeReader } from '../../lib/formats/entry/tree-reader.ts';
import { UserError } from '../../lib/formats/error/user-error.ts';
import { partName } from '../address.ts';
import type { Content, Json, Part } from '../content.ts';
import type { Image } from '../open.ts';
import type { Output } from '../output.ts';
import { ByteComparison, hasEqualBytes, type Range, structuresOf } from './diff-bytes.ts';
import { TreeComparison } from './diff-trees.ts';

export interface DiffOptions {
  /** `--bytes`: name the bytes that differ even if files differ. */
  readonly bytes: boolean;
}

function shown(value: Json | undefined): string {
  return typeof value === 'string' ? printableName(value) : (JSON.stringify(value) ?? 'none');
}

/**
 * Pairs the parts of both images by name. If a name is empty or not unique, the number is added.
 */
function pairs(older: readonly Part[], newer: readonly Part[]): [Part | undefined, Part | undefined][] {
  const keys = (parts: readonly Part[]) => {
    const names = parts.map((part) => part.name);
    return new Map(
      parts.map((part) => {
        const isUnique = names.filter((name) => name === part.name).length === 1;
        return [isUnique ? part.name : `${part.name}\0${part.number}`, part] as const;
      }),
    );
  };
  const [olds, news] = [keys(older), keys(newer)];
  return [...new Set([...olds.keys(), ...news.keys()])].map((key) => [olds.get(key), news.get(key)]);
}

/** The fields of a table that are compared, and their names in the output. */
const TABLE_FIELDS: readonly [key: string, name: string][] = [
  ['startSector', 'start'],
  ['sizeSectors', 'sectors'],
  ['typeUuid', 'type'],
  ['partUuid', 'PARTUUID'],
  ['uuid', 'UUID'],
  ['attributes', 'attributes'],
];

function tableDetails(older: Part, newer: Part): string[] {
  const details = TABLE_FIELDS.flatMap(([key, name]) => {
    const [before, after] = [older.facts[key], newer.facts[key]];
    return JSON.stringify(before) === JSON.stringify(after)
      ? []
      : [`${name} ${shown(before)} -> ${shown(after)}`];
  });
  if (older.number !== newer.number) details.unshift(`number ${older.number} -> ${newer.number}`);
  if (older.sizeBytes !== newer.sizeBytes && older.facts['sizeSectors'] === undefined) {
    details.push(`size ${older.sizeBytes} -> ${newer.sizeBytes}`);
  }
  return details;
}

/** The ranges that belong to no part of either image: the tables, and the gaps between parts. */
function rangesOutside(older: Content, newer: Content): Range[] {
  const taken = [...older.parts, ...newer.parts]
    .flatMap(({ startBytes, sizeBytes }) =>
      startBytes === undefined ? [] : [[startBytes, startBytes + sizeBytes] as const],
    )
    .sort(([left], [right]) => left - right);
  const ranges: Range[] = [];
  const endBytes = Math.min(older.source.sizeBytes, newer.source.sizeBytes);
  let position = 0;
  for (const [start, end] of [...taken, [endBytes, endBytes] as const]) {
    const stop = Math.min(start, endBytes);
    if (stop > position) ranges.push({ startBytes: position, endBytes: stop });
    position = Math.max(position, end);
  }
  return ranges;
}

class Comparison {
  readonly #output: Output;
  readonly #options: DiffOptions;
  isDifferent = false;

  constructor(output: Output, options: DiffOptions) {
    this.#output = output;
    this.#options = options;
  }

  #line(line: string): void {
    this.isDifferent = true;
    this.#output.line(line);
  }

  #change(letter: string, address: string, details: readonly string[]): void {
    const text = details.length === 0 ? '' : ` (${details.join(', ')})`;
    this.#line(`${letter} ${address}${text}`);
  }

  /** @param prefix the part's address with its colon; empty for a whole image */
  async contents(older: Content, newer: Content, prefix: string): Promise<void> {
    const sizeBytes = older.source.sizeBytes;
    const hasSameSize = sizeBytes === newer.source.sizeBytes;
    if (hasSameSize && hasEqualBytes(older.source, newer.source, { startBytes: 0, endBytes: sizeBytes }))
      return;
    const what = prefix === '' ? 'the image' : prefix;
    if (older.format !== newer.format) {
      this.#change('M', what, [`format ${older.format} -> ${newer.format}`]);
      return;
    }
    if (!hasSameSize) this.#change('M', what, [`size ${sizeBytes} -> ${newer.source.sizeBytes}`]);
    await this.#parts(older, newer, prefix);
    const filesDiffer = this.#trees(older, newer, prefix);
    if (!filesDiffer || this.#options.bytes) this.#bytes(older, newer, prefix);
  }

  async #parts(older: Content, newer: Content, prefix: string): Promise<void> {
    // An archive's images are also its files: they are compared as images, and the tree names them
    // too.
    for (const [before, after] of pairs(older.parts, newer.parts)) {
      const part = (before ?? after) as Part;
      const address = `${prefix === '' ? '' : `${prefix.slice(0, -1)}/`}${printableName(partName(part))}:`;
      if (before === undefined || after === undefined) {
        if (older.tree === undefined) this.#change(before === undefined ? 'A' : 'D', address, []);
        continue;
      }
      const details = tableDetails(before, after);
      if (details.length > 0) this.#change('M', address, details);
      await this.#opened(before, after, address);
    }
  }

  async #opened(before: Part, after: Part, address: string): Promise<void> {
    const older = await openOrProblem(before);
    const newer = await openOrProblem(after);
    if (typeof older !== 'string' && typeof newer !== 'string') {
      await this.contents(older, newer, address);
      return;
    }
    // A part that cannot be read is compared as bytes, with the names from the readable image.
    const known = typeof older !== 'string' ? older : typeof newer !== 'string' ? newer : bare(before);
    const sources = [before.source(), after.source()] as const;
    const endBytes = Math.min(before.sizeBytes, after.sizeBytes);
    if (hasEqualBytes(...sources, { startBytes: 0, endBytes }) && before.sizeBytes === after.sizeBytes)
      return;
    if (typeof older === 'string') this.#change('M', address, [`damaged in the older image: ${older}`]);
    if (typeof newer === 'string') this.#change('M', address, [`damaged in the newer image: ${newer}`]);
    const map = structuresOf(known);
    const comparison = new ByteComparison(map, map);
    comparison.compare(...sources, { startBytes: 0, endBytes });
    this.#printBytes(comparison, known.tree, address);
  }

  /** @returns whether files differ */
  #trees(older: Content, newer: Content, prefix: string): boolean {
    if (older.tree === undefined || newer.tree === undefined) return false;
    const images = new Set([...older.parts, ...newer.parts].map((part) => part.name));
    let differ = false;
    for (const { letter, path, details } of new TreeComparison(older.tree, newer.tree).changes()) {
      differ = true;
      // If two images of the same name differ, the lines for their contents show the differences.
      if (letter === 'M' && images.has(path)) continue;
      this.#change(letter, `${prefix}/${printableName(path)}`, details);
    }
    return differ;
  }

  #bytes(older: Content, newer: Content, prefix: string): void {
    const comparison = new ByteComparison(structuresOf(older), structuresOf(newer));
    for (const range of rangesOutside(older, newer)) comparison.compare(older.source, newer.source, range);
    if (older.format === 'gpt' && older.source.sizeBytes !== newer.source.sizeBytes) {
      this.#line(`B ${prefix}backup GPT: its position differs; its bytes are not compared`);
    }
    this.#printBytes(comparison, older.tree, prefix);
  }

  #printBytes(comparison: ByteComparison, tree: TreeReader | undefined, prefix: string): void {
    const paths = inodePaths(tree, comparison.inodeNumbers());
    for (const line of comparison.lines(paths)) this.#line(`B ${prefix === '' ? '' : `${prefix} `}${line}`);
  }
}

/** Returns the content of a part, or the error message if it cannot be opened. */
async function openOrProblem(part: Part): Promise<Content | string> {
  try {
    return await part.open();
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

function bare({ source }: Part): Content {
  return { format: 'damaged', source: source(), facts: {}, parts: [] };
}

/** The paths of inodes, for file systems that number inodes. */
function inodePaths(tree: TreeReader | undefined, wanted: ReadonlySet<number>): Map<number, string> {
  const paths = new Map<number, string>();
  if (tree === undefined || wanted.size === 0) return paths;
  for (const record of tree.walk()) {
    const inodeNumber = 'inodeNumber' in record ? record.inodeNumber : undefined;
    if (typeof inodeNumber !== 'number' || !wanted.has(inodeNumber) || paths.has(inodeNumber)) continue;
    paths.set(inodeNumber, `/${printableName(record.entry.path)}`);
  }
  return paths;
}

/**
 * `diff`: prints the differences between two images. Their compression, and an archive around a
 * single image, are ignored.
 *
 * @returns whether anything differs
 */
export async function diff(
  output: Output,
  older: Image,
  newer: Image,
  options: DiffOptions,
): Promise<boolean> {
  const comparison = new Comparison(output, options);
  await comparison.contents(older.content, newer.content, '');
  return comparison.isDifferent;
}
