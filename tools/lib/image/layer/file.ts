/** Reads and writes layers in files. */

import { closeSync, openSync } from 'node:fs';
import { FileImage } from '../../formats/block/file.ts';
import { writeFully } from '../../formats/block/write.ts';
import { type Layer, openLayer } from './reader.ts';
import { type LayerItem, type LayerOptions, writeLayer } from './writer.ts';

/** Opens the layer in the file at `path`. The file stays open until the process ends. */
export function openLayerFile(path: string): Layer {
  return openLayer(FileImage.open(path), path, path);
}

/** Writes a layer to the file at `path`; see {@link writeLayer}. */
export async function writeLayerFile(
  path: string,
  items: Iterable<LayerItem>,
  options: LayerOptions = {},
): Promise<void> {
  const descriptor = openSync(path, 'w');
  try {
    await writeLayer((bytes) => writeFully(descriptor, path, bytes), items, options);
  } finally {
    closeSync(descriptor);
  }
}
