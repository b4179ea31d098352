/** The text output of `inspect`: the image, its table of parts, and each part's content. */
import { printableName } from '../../lib/formats/entry/name.ts';
import type { Json } from '../content.ts';
import type { Output } from '../output.ts';
import { table } from './listing.ts';

type Node = { readonly [key: string]: Json };

function isNode(value: Json | undefined): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function nodeAt(node: Node, key: string): Node | undefined {
  const value = node[key];
  return isNode(value) ? value : undefined;
}

function listAt(node: Node, key: string): readonly Json[] {
  const value = node[key];
  return Array.isArray(value) ? value : [];
}

function textAt(node: Node | undefined, key: string): string {
  const value = node?.[key];
  if (typeof value === 'string') return printableName(value);
  return typeof value === 'number' ? String(value) : '';
}

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB'];

/** Formats a size: `1073741824 bytes (1 GiB)`. */
export function sizeText(bytes: Json | undefined): string {
  if (typeof bytes !== 'number') return '';
  let value = bytes;
  let unit = '';
  for (const next of UNITS) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return unit === '' ? `${bytes} bytes` : `${bytes} bytes (${Number(value.toFixed(1))} ${unit})`;
}

/** Formats a size for the table: `1 GiB`. */
function shortSize(bytes: Json | undefined): string {
  return /\((.*)\)/.exec(sizeText(bytes))?.[1] ?? sizeText(bytes);
}

/** A short name of the format. */
function contentText(content: Node | undefined, problem: string): string {
  if (content === undefined) return problem === '' ? '' : 'damaged';
  const facts = nodeAt(content, 'facts');
  const label = textAt(facts, 'label');
  const parts = [textAt(content, 'format')];
  if (textAt(facts, 'looksLike') !== '') parts.push(`(${textAt(facts, 'looksLike')})`);
  if (label !== '') parts.push(`"${label}"`);
  if (nodeAt(content, 'verity') !== undefined) parts.push('+ verity');
  return parts.join(' ');
}

function partRow(part: Node): string[] {
  const facts = nodeAt(part, 'table');
  return [
    textAt(part, 'number'),
    textAt(part, 'name'),
    textAt(facts, 'startSector'),
    shortSize(part['sizeBytes']),
    textAt(facts, 'type'),
    textAt(facts, 'partUuid'),
    listAt(facts ?? {}, 'attributeNames').join(' '),
    contentText(nodeAt(part, 'content'), textAt(part, 'problem')),
  ];
}

const HEADINGS = ['Nr', 'Name', 'Start', 'Size', 'Type', 'PARTUUID', 'Attributes', 'Content'];

/** The table of parts, without empty columns. */
function partTable(parts: readonly Node[]): string[] {
  const rows = parts.map(partRow);
  const used = HEADINGS.map((_, column) => rows.some((row) => row[column] !== ''));
  const pick = (row: readonly string[]) => row.filter((_, column) => used[column]);
  const numbers = pick(HEADINGS).flatMap((heading, column) =>
    ['Nr', 'Start', 'Size'].includes(heading) ? [column] : [],
  );
  return table([pick(HEADINGS), ...rows.map(pick)], numbers);
}

/** The line of a fact: its name and its value. */
const FACT_NAMES: Readonly<Record<string, string>> = {
  label: 'label',
  uuid: 'UUID',
  diskUuid: 'disk GUID',
  sizeBytes: 'size',
  usedBytes: 'used',
  freeBytes: 'free',
  blockBytes: 'block size',
  freeInodes: 'free inodes',
  looksLike: 'looks like',
  sectorBytes: 'sector size',
};

function factText(name: string, value: Json): string {
  if (name.endsWith('Bytes')) return sizeText(value);
  if (Array.isArray(value))
    return value.map((each) => (isNode(each) ? JSON.stringify(each) : String(each))).join(' ');
  if (isNode(value)) {
    return Object.entries(value)
      .map(([key, each]) => `${key}=${printableName(String(each))}`)
      .join(' ');
  }
  return printableName(String(value));
}

function printFacts(output: Output, content: Node, indent: string): void {
  const line = (name: string, text: string) => output.line(`${indent}${`${name}:`.padEnd(14)} ${text}`);
  for (const [name, value] of Object.entries(nodeAt(content, 'facts') ?? {})) {
    if (value !== '' && !(Array.isArray(value) && value.length === 0))
      line(FACT_NAMES[name] ?? name, factText(name, value));
  }
  const verity = nodeAt(content, 'verity');
  if (verity !== undefined) {
    line('root hash', textAt(verity, 'rootHash'));
    line('verity salt', textAt(verity, 'salt') || '(none)');
    line(
      'verity tree',
      `${sizeText(verity['sizeBytes'])} at ${textAt(verity, 'hashOffsetBytes')}, UUID ${textAt(verity, 'uuid')}`,
    );
  }
  if (textAt(content, 'sha256') !== '') line('sha256', textAt(content, 'sha256'));
}

function printParts(output: Output, content: Node, prefix: string): void {
  const parts = listAt(content, 'parts').filter(isNode);
  if (parts.length === 0) return;
  output.line();
  for (const line of partTable(parts)) output.line(line);
  for (const part of parts) {
    const name = `${prefix}${textAt(part, 'name') || textAt(part, 'number')}`;
    const inner = nodeAt(part, 'content');
    // The table already shows all facts about parts of zeros.
    if (textAt(inner, 'format') === 'zeros') continue;
    output.line();
    if (inner === undefined) {
      output.line(`${name}: damaged: ${textAt(part, 'problem')}`);
      continue;
    }
    output.line(`${name}: ${contentText(inner, '')}`);
    printFacts(output, inner, '  ');
    printParts(output, inner, `${name}/`);
  }
}

const COMPRESSIONS: Readonly<Record<string, string>> = { zst: 'zstd', gz: 'gzip', xz: 'xz' };

/** Prints the report of `inspect --json` as text. */
export function printReport(output: Output, report: Node): void {
  const content = nodeAt(report, 'content') ?? {};
  const wrapper = nodeAt(report, 'wrapper');
  const around = [
    wrapper === undefined ? '' : `${textAt(wrapper, 'member')} in a ${textAt(wrapper, 'format')}`,
    nodeAt(report, 'packed') === undefined ? '' : 'a packed partition',
    COMPRESSIONS[textAt(report, 'compression')] ?? '',
  ].filter((text) => text !== '');
  const how = around.length === 0 ? '' : ` (${around.join(', ')})`;
  output.line(
    `${printableName(textAt(report, 'path'))}: ${contentText(content, '')}, ${sizeText(content['imageBytes'])}${how}`,
  );
  printFacts(output, content, '  ');
  printParts(output, content, '');
}
