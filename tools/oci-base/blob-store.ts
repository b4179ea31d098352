/**
 * Reads the files of an image layout, which is a directory or a tar archive of one (OCI image
 * specification, image-layout.md).
 */
import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readFileRange } from '../lib/formats/block/read-range.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import { type Descriptor, splitDigest } from '../lib/formats/oci/image-spec.ts';
import { readTar } from '../lib/formats/tar/reader.ts';

/**
 * The maximum size of manifests and configurations. A layer in place of one is refused before it
 * fills the memory.
 */
const DOCUMENT_BYTES_MAX = 16 << 20;
const LAYOUT_FILE = 'oci-layout';

interface StoredFile {
  readonly path: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

function readStored({ path, offsetBytes, sizeBytes }: StoredFile): Generator<Uint8Array, void, undefined> {
  return readFileRange(path, offsetBytes, sizeBytes);
}

async function listArchive(path: string): Promise<Map<string, StoredFile>> {
  const whole = { path, offsetBytes: 0, sizeBytes: statSync(path).size };
  const files = new Map<string, StoredFile>();
  for await (const event of readTar(readStored(whole), path)) {
    if (event.kind === 'data' || event.entry.type !== 'file' || event.extents !== undefined) continue;
    const { sizeBytes } = event.entry;
    files.set(event.entry.path, { path, offsetBytes: event.dataOffsetBytes, sizeBytes });
  }
  return files;
}

export class ImageLayout {
  /** The name in error messages. */
  readonly name: string;
  readonly #find: (path: string) => StoredFile | undefined;

  private constructor(name: string, find: (path: string) => StoredFile | undefined) {
    this.name = name;
    this.#find = find;
  }

  /** @throws UserError if `path` is not an image layout */
  static async open(path: string): Promise<ImageLayout> {
    let layout: ImageLayout;
    if (statSync(path).isDirectory()) {
      layout = new ImageLayout(path, (inside) => {
        const file = join(path, inside);
        return existsSync(file) ? { path: file, offsetBytes: 0, sizeBytes: statSync(file).size } : undefined;
      });
    } else {
      const files = await listArchive(path);
      layout = new ImageLayout(path, (inside) => files.get(inside));
    }
    if (layout.#find(LAYOUT_FILE) === undefined) {
      throw new UserError(
        `${path}: it is not an OCI image layout: it has no ${LAYOUT_FILE}; save the image in the OCI format`,
      );
    }
    return layout;
  }

  /** Reads a small file of the layout. */
  text(path: string): string {
    const file = this.#find(path);
    if (file === undefined) throw new UserError(`${this.name}: ${path} is not in the image layout`);
    return this.#small(file, path);
  }

  #small(file: StoredFile, what: string): string {
    if (file.sizeBytes > DOCUMENT_BYTES_MAX) {
      throw new UserError(`${this.name}: ${what} has ${file.sizeBytes} bytes, too many for a JSON document`);
    }
    return Buffer.concat([...readStored(file)]).toString('utf8');
  }

  /**
   * Yields the bytes of a blob, and checks its digest at the end.
   *
   * @throws UserError if the blob does not match its descriptor
   */
  *blob(descriptor: Descriptor): Generator<Uint8Array, void, undefined> {
    const { algorithm, hex } = splitDigest(descriptor.digest, this.name);
    const path = `blobs/${algorithm}/${hex}`;
    const file = this.#find(path);
    if (file === undefined) throw new UserError(`${this.name}: ${path} is not in the image layout`);
    if (file.sizeBytes !== descriptor.sizeBytes) {
      throw new UserError(
        `${this.name}: ${path} has ${file.sizeBytes} bytes; its descriptor says ${descriptor.sizeBytes}`,
      );
    }
    const hash = createHash(algorithm);
    for (const chunk of readStored(file)) {
      hash.update(chunk);
      yield chunk;
    }
    const found = hash.digest('hex');
    if (found !== hex)
      throw new UserError(`${this.name}: ${path} is damaged: its ${algorithm} digest is ${found}`);
  }

  /** Reads a blob that is a JSON document. */
  document(descriptor: Descriptor): string {
    if (descriptor.sizeBytes > DOCUMENT_BYTES_MAX) {
      throw new UserError(
        `${this.name}: ${descriptor.digest} has ${descriptor.sizeBytes} bytes, too many for a JSON document`,
      );
    }
    return Buffer.concat([...this.blob(descriptor)]).toString('utf8');
  }
}
