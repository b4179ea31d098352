/** Makes valid inputs, for tests in which only one other input is invalid. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { MemoryImage } from '../../tools/lib/formats/block/block.ts';
import type { Entry } from '../../tools/lib/formats/entry/entry.ts';
import { zstdFrame } from '../../tools/lib/formats/zstd/compress.ts';
import { writeLayerFile } from '../../tools/lib/image/layer/file.ts';
import type { LayerItem } from '../../tools/lib/image/layer/writer.ts';
import { packImageFiles } from '../../tools/lib/image/packed/file.ts';
import { directory, file } from '../../tools/lib/testing/entries/entries.ts';
import { archive } from '../../tools/lib/testing/tar/archive.ts';
import type { Workbench } from './workbench.ts';

export const MIB = 1 << 20;

/**
 * Writes a packed partition of the given size that begins with `content`. Returns the path of its
 * index.
 */
export async function packedPartition(
  place: Workbench,
  name: string,
  sizeBytes: number,
  content: Uint8Array = Buffer.from(name),
): Promise<string> {
  const image = new MemoryImage(sizeBytes);
  image.write(0, content);
  const stem = join(place.path, name);
  await packImageFiles(image, { zst: `${stem}.img.zst`, gz: `${stem}.img.gz`, index: `${stem}.json` });
  return `${name}.json`;
}

/** Writes a layer with one directory and one file. */
export async function goodLayer(place: Workbench, name: string, content: Uint8Array): Promise<string> {
  const items: LayerItem[] = [
    { kind: 'entry', entry: directory('data') },
    { kind: 'entry', entry: file('data/file', content.length), content },
  ];
  await writeLayerFile(join(place.path, `${name}.layer.tar.zst`), items);
  return `${name}.layer.tar.zst`;
}

/** Writes a layer file of entries that our own writer would refuse or sort. */
export async function hostileLayer(place: Workbench, entries: readonly Entry[]): Promise<string> {
  return place.put('hostile.layer.tar.zst', await zstdFrame(archive(entries)));
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Makes an archive of an OCI image layout with one layer. */
export function ociArchive(layer: Buffer): Buffer {
  const contents: Record<string, Buffer | string> = { 'oci-layout': '{"imageLayoutVersion":"1.0.0"}' };
  const blob = (bytes: Buffer, mediaType: string) => {
    contents[`blobs/sha256/${sha256(bytes)}`] = bytes;
    return { mediaType, digest: `sha256:${sha256(bytes)}`, size: bytes.length };
  };
  const json = (value: unknown, kind: string) =>
    blob(Buffer.from(JSON.stringify(value)), `application/vnd.oci.image.${kind}.v1+json`);
  const config = json(
    {
      os: 'linux',
      architecture: 'amd64',
      rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
    },
    'config',
  );
  const layers = [blob(layer, 'application/vnd.oci.image.layer.v1.tar')];
  const manifest = json({ schemaVersion: 2, config, layers }, 'manifest');
  contents['index.json'] = JSON.stringify({ schemaVersion: 2, manifests: [manifest] });
  const entries = Object.entries(contents).map(([path, content]) => file(path, Buffer.byteLength(content)));
  return archive(entries, contents);
}

/** The options for the outputs of a packed partition. */
export const PARTITION_OUTPUTS = ['--zst=out.img.zst', '--gz=out.img.gz', '--index=out.json'];
/** The options for the outputs of a file system. */
export const FILE_SYSTEM_OUTPUTS = [...PARTITION_OUTPUTS, '--entries=out.entries.json', '--identity=//a:b'];
export const ARCHIVE_OUTPUTS = ['--zst=out.tar.zst', '--gz=out.tar.gz'];
