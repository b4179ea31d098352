import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Entry } from '../lib/formats/entry/entry.ts';
import { TAR_END, tarHeader, tarPadding } from '../lib/formats/tar/writer.ts';
import { readContent } from '../lib/image/layer/content.ts';
import { openLayerFile } from '../lib/image/layer/file.ts';
import { mergeLayers } from '../lib/image/layer/merge.ts';
import * as entries from '../lib/testing/entries/entries.ts';
import { writeBase } from './base.ts';

const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar';
const AMD64 = { os: 'linux', architecture: 'amd64' };

const file = (path: string, text = ''): Member => ({ entry: entries.file(path, text.length), text });
const directory = (path: string, mode = 0o755): Member => ({ entry: entries.directory(path, { mode }) });
const link = (path: string, target: string): Member => ({ entry: entries.hardlink(path, target) });
const symlink = (path: string, target: string): Member => ({ entry: entries.symlink(path, target) });

interface Member {
  readonly entry: Entry;
  readonly text?: string;
}

function tar(members: readonly Member[]): Buffer {
  const parts = members.flatMap(({ entry, text = '' }) => [
    tarHeader(entry),
    Buffer.from(text),
    entry.type === 'file' ? tarPadding(entry.sizeBytes) : Buffer.alloc(0),
  ]);
  return Buffer.concat([...parts, TAR_END]);
}

const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

interface LayerSource {
  readonly tar: Buffer;
  readonly mediaType?: string;
  readonly blob?: Buffer;
}

/** Builds an image layout, as a map of its files. */
class Layout {
  readonly files = new Map<string, Buffer>([['oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')]]);

  blob(bytes: Uint8Array, mediaType: string): { mediaType: string; digest: string; size: number } {
    const digest = sha256(bytes);
    this.files.set(`blobs/${digest.replace(':', '/')}`, Buffer.from(bytes));
    return { mediaType, digest, size: bytes.length };
  }

  json(value: unknown, mediaType: string) {
    return this.blob(Buffer.from(JSON.stringify(value)), mediaType);
  }

  image(
    layers: readonly LayerSource[],
    settings: object = {},
    more: object = {},
    manifestType = OCI_MANIFEST,
  ) {
    const configuration = {
      ...AMD64,
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => sha256(layer.tar)) },
      config: settings,
      ...more,
    };
    const config = this.json(configuration, OCI_CONFIG);
    const blobs = layers.map((layer) => this.blob(layer.blob ?? layer.tar, layer.mediaType ?? OCI_LAYER));
    return this.json({ schemaVersion: 2, mediaType: manifestType, config, layers: blobs }, manifestType);
  }

  index(manifests: readonly object[]): this {
    this.files.set(
      'index.json',
      Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests })),
    );
    return this;
  }
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'oci-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function asDirectory(layout: Layout): string {
  for (const [path, bytes] of layout.files) {
    mkdirSync(dirname(join(folder, 'image', path)), { recursive: true });
    writeFileSync(join(folder, 'image', path), bytes);
  }
  return 'image';
}

function asArchive(layout: Layout): string {
  const members = [...layout.files].map(([path, bytes]) => file(path, bytes.toString('latin1')));
  const parts = members.flatMap(({ entry, text = '' }) => [
    tarHeader(entry),
    Buffer.from(text, 'latin1'),
    tarPadding(text.length),
  ]);
  writeFileSync(join(folder, 'image.tar'), Buffer.concat([...parts, TAR_END]));
  return 'image.tar';
}

function run(image: string, ...args: string[]) {
  const all = [`--image=${image}`, '--output=out.layer.tar.zst', '--output-config=out.config.json', ...args];
  return spawnSync(process.execPath, [join(import.meta.dirname, 'main.ts'), ...all], {
    cwd: folder,
    encoding: 'utf8',
  });
}

async function build(image: string, platform = 'linux/amd64'): Promise<void> {
  const path = (name: string) => join(folder, name);
  const [layerPath, configPath, spoolPath] = ['out.layer.tar.zst', 'out.config.json', 'contents'].map(
    path,
  ) as [string, string, string];
  await writeBase({ image: path(image), platform, layerPath, configPath, spoolPath });
}

/** Describes the result: one line per entry with type, mode, path, and content or target. */
async function flattened(image: string, platform?: string): Promise<string[]> {
  await build(image, platform);
  const tree = await mergeLayers([openLayerFile(join(folder, 'out.layer.tar.zst'))]);
  const lines: string[] = [];
  for (const { entry, inode } of tree.entries()) {
    if (entry.path === '') continue;
    let text = '';
    if (entry.type === 'file')
      for await (const chunk of readContent(inode)) text += Buffer.from(chunk).toString();
    if (entry.type === 'symlink' || entry.type === 'hardlink') text = `-> ${entry.target}`;
    lines.push(`${entry.type} ${entry.mode.toString(8)} ${entry.path}${text === '' ? '' : ` ${text}`}`);
  }
  return lines;
}

const BOTTOM = tar([
  directory('etc'),
  file('etc/keep', 'keep'),
  file('etc/gone', 'gone'),
  file('etc/replaced', 'old'),
  directory('var', 0o700),
  file('var/a', 'a'),
  file('var/b', 'b'),
  file('program', 'elf'),
  link('alias', 'program'),
]);
const TOP = tar([
  file('etc/.wh.gone'),
  file('etc/replaced', 'new'),
  directory('var', 0o755),
  file('var/.wh..wh..opq'),
  file('var/c', 'c'),
  symlink('sh', 'program'),
]);

const FLAT = [
  'file 644 alias elf',
  'directory 755 etc',
  'file 644 etc/keep keep',
  'file 644 etc/replaced new',
  'hardlink 644 program -> alias',
  'symlink 777 sh -> program',
  'directory 755 var',
  'file 644 var/c c',
];

function twoLayers(): Layout {
  const layout = new Layout();
  return layout.index([{ ...layout.image([{ tar: BOTTOM }, { tar: TOP }]), platform: AMD64 }]);
}

describe('oci-base', () => {
  test('merges layers: whiteouts and opaque directories delete, and hard links are kept', async () => {
    expect(await flattened(asDirectory(twoLayers()))).toEqual(FLAT);
  });

  test('an archive of a layout gives the same bytes as the directory', async () => {
    expect(await flattened(asArchive(twoLayers()))).toEqual(FLAT);
    const fromArchive = readFileSync(join(folder, 'out.layer.tar.zst'));
    expect(await flattened(asDirectory(twoLayers()))).toEqual(FLAT);
    expect(readFileSync(join(folder, 'out.layer.tar.zst')).equals(fromArchive)).toBe(true);
    expect(readdirSync(folder).sort()).toEqual([
      'image',
      'image.tar',
      'out.config.json',
      'out.layer.tar.zst',
    ]);
  });

  test.each([
    ['OCI gzip', `${OCI_LAYER}+gzip`, gzipSync],
    ['OCI zstd', `${OCI_LAYER}+zstd`, zstdCompressSync],
    ['Docker gzip', 'application/vnd.docker.image.rootfs.diff.tar.gzip', gzipSync],
    ['Docker plain', 'application/vnd.docker.image.rootfs.diff.tar', (bytes: Buffer) => bytes],
  ])('reads layers as %s', async (_name, mediaType, compress) => {
    const layout = new Layout();
    const layers = [BOTTOM, TOP].map((bytes) => ({
      tar: bytes,
      mediaType,
      blob: Buffer.from(compress(bytes)),
    }));
    layout.index([layout.image(layers)]);
    expect(await flattened(asDirectory(layout))).toEqual(FLAT);
  });

  test('keeps extended attributes, owners and set-uid bits', async () => {
    const xattrs = new Map([['security.capability', Buffer.from('0100000200200000', 'hex')]]);
    const entry: Entry = {
      path: 'ping',
      type: 'file',
      sizeBytes: 0,
      mode: 0o4755,
      uid: 7,
      gid: 3_000_000,
      xattrs,
    };
    const layout = new Layout();
    layout.index([layout.image([{ tar: tar([{ entry }]) }])]);
    await build(asDirectory(layout));
    const tree = await mergeLayers([openLayerFile(join(folder, 'out.layer.tar.zst'))]);
    expect(tree.get('ping')?.entry).toEqual({
      ...entry,
      xattrs: new Map(
        [...xattrs].map(([name, value]) => [name, expect.toSatisfy((got) => value.equals(got))]),
      ),
    });
  });

  test('writes environment, directory, user, labels and shell of the configuration, in their order', async () => {
    const settings = {
      Env: ['Z=1', 'PATH=/bin', 'A=b=c'],
      WorkingDir: '/srv',
      User: 'www',
      Labels: { l: 'v' },
      Shell: ['/bin/bash', '-c'],
      Cmd: ['x'],
    };
    const layout = new Layout();
    layout.index([layout.image([{ tar: TOP }], settings)]);
    await build(asDirectory(layout));
    const text = readFileSync(join(folder, 'out.config.json'), 'utf8');
    expect(JSON.parse(text)).toEqual({
      env: { PATH: '/bin', Z: '1', A: 'b=c' },
      workingDirectory: '/srv',
      user: 'www',
      labels: { l: 'v' },
      shell: ['/bin/bash', '-c'],
    });
  });

  test('finds the platform in nested indexes, and ignores attestations', async () => {
    const layout = new Layout();
    const right = { ...layout.image([{ tar: TOP }]), platform: AMD64 };
    const arm = {
      ...layout.image([{ tar: BOTTOM }], {}, { architecture: 'arm64' }),
      platform: { os: 'linux', architecture: 'arm64' },
    };
    const attestation = { ...layout.image([]), platform: { os: 'unknown', architecture: 'unknown' } };
    const inner = layout.json(
      { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [arm, attestation, right] },
      OCI_INDEX,
    );
    layout.index([inner]);
    expect(await flattened(asDirectory(layout))).toContain('file 644 var/c c');
    expect(await flattened('image', 'linux/arm64')).toContain('file 644 etc/keep keep');
  });

  test.each<[string, (layout: Layout) => void, string]>([
    [
      'no layout',
      (layout) => layout.files.delete('oci-layout'),
      'it is not an OCI image layout: it has no oci-layout',
    ],
    ['no index', (layout) => layout.files.delete('index.json'), 'index.json is not in the image layout'],
    ['an index that is not JSON', (layout) => layout.files.set('index.json', Buffer.from('{')), 'not JSON'],
    [
      'another platform only',
      (layout) => layout.index([{ ...layout.image([]), platform: { os: 'linux', architecture: 'arm64' } }]),
      'no image for linux/amd64; it has images for linux/arm64',
    ],
    [
      'an image for another platform than its index has',
      (layout) => layout.index([{ ...layout.image([], {}, { architecture: 's390x' }), platform: AMD64 }]),
      'the image is for linux/s390x, not for linux/amd64',
    ],
    [
      'two images',
      (layout) =>
        layout.index([[], [{ tar: TOP }]].map((layers) => ({ ...layout.image(layers), platform: AMD64 }))),
      '2 images for linux/amd64',
    ],
    [
      'a missing layer',
      (layout) => layout.files.delete(`blobs/${sha256(BOTTOM).replace(':', '/')}`),
      'is not in the image layout',
    ],
    [
      'a damaged layer',
      (layout) =>
        layout.files.set(`blobs/${sha256(TOP).replace(':', '/')}`, Buffer.from(TOP).fill('N', 1024, 1025)),
      'is damaged: its sha256 digest',
    ],
    [
      'a layer of another length',
      (layout) => layout.files.set(`blobs/${sha256(TOP).replace(':', '/')}`, TOP.subarray(512)),
      'its descriptor says',
    ],
    [
      'a wrong diff id',
      (layout) => layout.index([layout.image([{ tar: BOTTOM, blob: TOP }])]),
      'the digest of its content is',
    ],
    [
      'a gzip layer that is not gzip',
      (layout) => layout.index([layout.image([{ tar: TOP, mediaType: `${OCI_LAYER}+gzip` }])]),
      'gzip data is damaged',
    ],
    [
      'an encrypted layer',
      (layout) => layout.index([layout.image([{ tar: TOP, mediaType: `${OCI_LAYER}+gzip+encrypted` }])]),
      'is not a supported layer',
    ],
    [
      'an artifact',
      (layout) => layout.index([layout.json({ schemaVersion: 2 }, 'application/vnd.oci.artifact')]),
      "is not an image's manifest",
    ],
    [
      'a digest with a path in it',
      (layout) => layout.index([{ mediaType: OCI_MANIFEST, digest: 'sha256:../../etc/passwd', size: 1 }]),
      'is not a digest of sha256 or sha512',
    ],
    [
      'an entry that leaves the root',
      (layout) => layout.index([layout.image([{ tar: tar([file('../x')]) }])]),
      '../x',
    ],
    [
      'an entry through a symbolic link',
      (layout) => layout.index([layout.image([{ tar: tar([symlink('a', '/etc'), file('a/x')]) }])]),
      'a is a symbolic link',
    ],
    [
      'a hard link to nothing',
      (layout) => layout.index([layout.image([{ tar: tar([link('a', 'b')]) }])]),
      'hard link to b, which does not exist',
    ],
  ])('%s is refused in one line', async (_name, damage, message) => {
    const layout = twoLayers();
    damage(layout);
    const error = await build(asDirectory(layout)).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: 'UserError' });
    expect(String(error)).toContain(message);
    expect(String(error)).not.toContain('\n');
  });

  test('the tool writes both files, or, on an error, neither and says why', () => {
    const layout = twoLayers();
    expect(run(asArchive(layout))).toMatchObject({ status: 0, stderr: '' });
    expect(readdirSync(folder).sort()).toEqual(['image.tar', 'out.config.json', 'out.layer.tar.zst']);
    layout.index([layout.image([{ tar: tar([link('a', 'b')]) }])]);
    const { status, stderr } = run(asArchive(layout));
    expect(stderr).toMatch(/^main\.ts: image\.tar: layer sha256:[0-9a-f]+: entry a: .*\n$/);
    expect(status).toBe(1);
    expect(readdirSync(folder)).toEqual(['image.tar']);
  });
});
