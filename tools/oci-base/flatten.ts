/** Merges the layers of an image. */
import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { readPieces } from '../lib/formats/block/read-fully.ts';
import { writeFully } from '../lib/formats/block/write.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import { gzipDecompressStream } from '../lib/formats/gzip/decompress.ts';
import {
  type Compression,
  checkManifestType,
  chooseByPlatform,
  type Descriptor,
  type ImageConfiguration,
  type ImageManifest,
  isIndex,
  layerCompression,
  type Platform,
  parseConfiguration,
  parseIndex,
  parseManifest,
  platformName,
} from '../lib/formats/oci/image-spec.ts';
import { readTarFiles, type TarFile } from '../lib/formats/tar/reader.ts';
import { zstdDecompressStream } from '../lib/formats/zstd/decompress.ts';
import { FileTree } from '../lib/image/layer/file-tree.ts';
import { type DeletionItem, layerItem } from '../lib/image/layer/item.ts';
import type { LayerItem } from '../lib/image/layer/writer.ts';
import type { ImageLayout } from './blob-store.ts';

const INDEX_FILE = 'index.json';
/** The maximum depth of nested indexes, because an index may contain itself. */
const INDEX_DEPTH_MAX = 8;

export interface Image {
  readonly manifest: ImageManifest;
  readonly configuration: ImageConfiguration;
}

/**
 * Finds the image for a platform.
 *
 * @throws UserError if there is no such image, or its documents are wrong
 */
export function findImage(layout: ImageLayout, platform: Platform): Image {
  let descriptors = parseIndex(layout.text(INDEX_FILE), `${layout.name}: ${INDEX_FILE}`);
  for (let depth = 0; depth < INDEX_DEPTH_MAX; depth++) {
    const chosen = chooseByPlatform(descriptors, platform, layout.name);
    const name = `${layout.name}: ${chosen.digest}`;
    const document = layout.document(chosen);
    if (isIndex(chosen.mediaType)) {
      descriptors = parseIndex(document, name);
      continue;
    }
    checkManifestType(chosen.mediaType, name);
    const manifest = parseManifest(document, name);
    const configuration = parseConfiguration(layout.document(manifest.config), name);
    if (platformName(configuration.platform) !== platformName(platform)) {
      throw new UserError(
        `${name}: the image is for ${platformName(configuration.platform)}, not for ${platformName(platform)}`,
      );
    }
    if (configuration.diffIds.length !== manifest.layers.length) {
      throw new UserError(
        `${name}: it has ${manifest.layers.length} layers, but ${configuration.diffIds.length} in its configuration`,
      );
    }
    return { manifest, configuration };
  }
  throw new UserError(`${layout.name}: its indexes are nested more than ${INDEX_DEPTH_MAX} deep`);
}

type Chunks = AsyncIterable<Uint8Array>;

async function* plain(chunks: Iterable<Uint8Array>): Chunks {
  yield* chunks;
}

function decompressed(chunks: Iterable<Uint8Array>, compression: Compression, name: string): Chunks {
  if (compression === 'gzip') return gzipDecompressStream(chunks, name);
  if (compression === 'zstd') return zstdDecompressStream(chunks, name);
  return plain(chunks);
}

/** Passes on all chunks, and checks their digest at the end. */
async function* verified(chunks: Chunks, diffId: string, name: string): Chunks {
  const hash = createHash('sha256');
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
  const found = `sha256:${hash.digest('hex')}`;
  if (found !== diffId)
    throw new UserError(
      `${name}: the digest of its content is ${found}; the configuration of the image has ${diffId}`,
    );
}

/**
 * Stores contents of files one after another in a temporary file, because their order in the layers
 * differs from that in the output.
 */
class ContentSpool {
  readonly #path: string;
  readonly #descriptor: number;
  #sizeBytes = 0;

  constructor(path: string) {
    this.#path = path;
    this.#descriptor = openSync(path, 'wx+');
  }

  async add(chunks: Chunks): Promise<number> {
    const offsetBytes = this.#sizeBytes;
    for await (const chunk of chunks) {
      writeFully(this.#descriptor, this.#path, chunk, this.#sizeBytes);
      this.#sizeBytes += chunk.length;
    }
    return offsetBytes;
  }

  read(offsetBytes: number, sizeBytes: number): Generator<Uint8Array> {
    return readPieces(this.#descriptor, this.#path, offsetBytes, sizeBytes);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

interface SpooledEntry {
  readonly entry: TarFile['entry'];
  readonly offsetBytes: number;
}

class Flattener {
  readonly #tree = new FileTree<number>();
  readonly #spool: ContentSpool;

  constructor(spool: ContentSpool) {
    this.#spool = spool;
  }

  /** Applies a layer. A deletion affects only the layers below, at any position in the layer. */
  async add(archive: Chunks, name: string): Promise<void> {
    const deletions: DeletionItem[] = [];
    const entries: SpooledEntry[] = [];
    const tar = archive[Symbol.asyncIterator]();
    // This iterator has no `return`: the reader stops at the end of the archive, but the rest is
    // still needed for the digest.
    const rest: Chunks = { [Symbol.asyncIterator]: () => ({ next: () => tar.next() }) };
    for await (const file of readTarFiles(rest, name)) {
      const item = layerItem(file.entry, name);
      if (item === undefined) continue;
      if (item.kind !== 'entry') deletions.push(item);
      else
        entries.push({
          entry: item.entry,
          offsetBytes: item.entry.type === 'file' ? await this.#spool.add(file.content()) : 0,
        });
    }
    // The digest of the layer includes the bytes after the end of the archive.
    while ((await tar.next()).done !== true);
    for (const { kind, path } of deletions) {
      if (kind === 'whiteout') this.#tree.remove(path, name);
      else this.#tree.removeChildren(path, name);
    }
    for (const { entry, offsetBytes } of entries) this.#tree.put(entry, offsetBytes, name);
  }

  items(): LayerItem[] {
    return this.#tree.entries().flatMap(({ entry, inode, implied }): LayerItem[] => {
      if (implied && entry.path === '') return [];
      const { source } = inode;
      if (entry.type !== 'file' || entry.sizeBytes === 0 || source === undefined)
        return [{ kind: 'entry', entry }];
      return [{ kind: 'entry', entry, content: () => this.#spool.read(source, entry.sizeBytes) }];
    });
  }
}

/**
 * Merges the layers of an image, and returns the entries of the result.
 *
 * @param spoolPath the path of a temporary file for the contents
 * @throws UserError if a digest is wrong, or a layer is damaged or hostile
 */
export async function flattenImage(
  layout: ImageLayout,
  { manifest, configuration }: Image,
  spoolPath: string,
  write: (items: readonly LayerItem[]) => Promise<void>,
): Promise<void> {
  const spool = new ContentSpool(spoolPath);
  try {
    const flattener = new Flattener(spool);
    for (const [index, layer] of manifest.layers.entries())
      await addLayer(layout, layer, configuration.diffIds[index], flattener);
    await write(flattener.items());
  } finally {
    spool.close();
  }
}

async function addLayer(
  layout: ImageLayout,
  layer: Descriptor,
  diffId: string | undefined,
  flattener: Flattener,
): Promise<void> {
  const name = `${layout.name}: layer ${layer.digest}`;
  const compression = layerCompression(layer.mediaType, name);
  const content = decompressed(layout.blob(layer), compression, name);
  await flattener.add(verified(content, diffId ?? '', name), name);
}
