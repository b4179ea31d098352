/** Helpers for tests of layers: items in few words, layers in memory, trees as lines. */

import { expect } from 'vitest';
import type { Entry } from '../../formats/entry/entry.ts';
import { streamContents } from '../../image/layer/content.ts';
import { type MergedEntry, mergeLayers } from '../../image/layer/merge.ts';
import { type Layer, openLayer } from '../../image/layer/reader.ts';
import { type LayerItem, writeLayer } from '../../image/layer/writer.ts';
import { file, type GivenMetadata } from '../entries/entries.ts';

export function text(path: string, content: string, given: GivenMetadata = {}): LayerItem {
  return {
    kind: 'entry',
    entry: file(path, Buffer.byteLength(content), given),
    content: Buffer.from(content),
  };
}

export function bare(entry: Entry): LayerItem {
  return { kind: 'entry', entry };
}

export function whiteout(path: string): LayerItem {
  return { kind: 'whiteout', path };
}

export function opaque(path: string): LayerItem {
  return { kind: 'opaque', path };
}

export async function bytesOf(items: LayerItem[]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  await writeLayer((bytes) => parts.push(bytes), items);
  return Buffer.concat(parts);
}

export function opened(bytes: Uint8Array, name: string): Layer {
  const source = {
    sizeBytes: bytes.length,
    read: (offset: number, length: number) => bytes.slice(offset, offset + length),
  };
  return openLayer(source, name);
}

export async function layerOf(name: string, items: LayerItem[]): Promise<Layer> {
  return opened(await bytesOf(items), name);
}

/**
 * Describes each entry in one line: type, path, mode, and the content of a file or the target of a
 * link. Implied directories are in brackets.
 */
export async function listing(entries: readonly MergedEntry[]): Promise<string[]> {
  const contents = new Map<string, string>();
  await streamContents(entries, (entry, positionBytes, bytes) => {
    const before = contents.get(entry.path) ?? '';
    expect(positionBytes).toBe(before.length);
    contents.set(entry.path, before + Buffer.from(bytes).toString('latin1'));
  });
  return entries.map(({ entry, implied }) => {
    const mode = entry.mode.toString(8);
    const path = implied ? `[${entry.path}]` : entry.path;
    switch (entry.type) {
      case 'directory':
        return `${path}/ ${mode}`;
      case 'file':
        return `${path} ${mode} ${contents.get(entry.path) ?? ''}`.trimEnd();
      case 'symlink':
        return `${path} -> ${entry.target}`;
      case 'hardlink':
        return `${path} = ${entry.target}`;
      default:
        return `${path} ${entry.type}`;
    }
  });
}

export async function merged(...layers: LayerItem[][]): Promise<string[]> {
  const open = await Promise.all(layers.map((items, index) => layerOf(`layer${index}`, items)));
  return listing((await mergeLayers(open)).entries());
}
