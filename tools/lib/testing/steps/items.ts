/** Builders of sample items of a layer: the entries of testing/entries, with their content. */
import type { Entry } from '../../formats/entry/entry.ts';
import type { LayerItem } from '../../image/layer/writer.ts';
import * as entries from '../entries/entries.ts';

type GivenMetadata = entries.GivenMetadata;

function item(entry: Entry): LayerItem {
  return { kind: 'entry', entry };
}

export function file(path: string, content: string | Uint8Array = '', given: GivenMetadata = {}): LayerItem {
  const bytes = Buffer.from(content);
  return { kind: 'entry', entry: entries.file(path, bytes.length, given), content: bytes };
}

export function directory(path: string, given: GivenMetadata = {}): LayerItem {
  return item(entries.directory(path, given));
}

export function symlink(path: string, target: string): LayerItem {
  return item(entries.symlink(path, target));
}

export function hardLink(path: string, target: string): LayerItem {
  return item(entries.hardlink(path, target));
}
