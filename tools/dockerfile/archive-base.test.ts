/** Tests bases that are uncompressed tar archives, which `--base-layer` also accepts. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sparseHeader } from '../lib/formats/tar/sparse.ts';
import { TAR_END } from '../lib/formats/tar/writer.ts';
import { directory, file, symlink } from '../lib/testing/entries/entries.ts';
import { describeLayer, readMerged, TestFolder } from '../lib/testing/steps/sample-layers.ts';
import { archive } from '../lib/testing/tar/archive.ts';

const LAYER = 'out.layer.tar.zst';
const BASE = 'base.tar';

/**
 * Builds a Dockerfile on a base whose only layer is the given archive; returns the path of the new
 * layer.
 */
function build(folder: TestFolder, dockerfile: string, base: Uint8Array): string {
  writeFileSync(join(folder.path, 'Dockerfile'), dockerfile);
  writeFileSync(join(folder.path, 'file'), 'context');
  writeFileSync(join(folder.path, BASE), base);
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      join(import.meta.dirname, 'main.ts'),
      '--dockerfile=Dockerfile',
      '--context=file=file',
      `--base-layer=base=${BASE}`,
      `--output=${LAYER}`,
      '--output-config=out.config.json',
    ],
    { cwd: folder.path, encoding: 'utf8' },
  );
  expect(status, stderr).toBe(0);
  return join(folder.path, LAYER);
}

test('a stage keeps the files of a base that is an uncompressed archive', async () => {
  using folder = new TestFolder();
  const base = archive(
    [directory('usr'), directory('usr/lib'), symlink('lib', 'usr/lib'), file('usr/lib/os', 4)],
    { 'usr/lib/os': 'ICOS' },
  );
  const layer = build(folder, 'FROM base\nCOPY file /lib/file\n', base);
  // Without the base, /lib would be a new directory.
  expect(Object.keys(await describeLayer(layer))).toEqual(['usr/lib/file']);
  expect((await readMerged([join(folder.path, BASE), layer], 'usr/lib/os')).toString()).toBe('ICOS');
});

test('a sparse file of such a base is copied with its holes as zeros', async () => {
  using folder = new TestFolder();
  const sizeBytes = 10_000;
  const data = Buffer.alloc(512, 'data ');
  const { header } = sparseHeader({
    path: 'disk.img',
    mode: 0o644,
    realSizeBytes: sizeBytes,
    extents: [[4096, data.length]],
  });
  const layer = build(
    folder,
    'FROM scratch\nCOPY --from=base disk.img /disk.img\n',
    Buffer.concat([header, data, TAR_END]),
  );
  const expected = Buffer.alloc(sizeBytes);
  data.copy(expected, 4096);
  expect((await readMerged([layer], 'disk.img')).equals(expected)).toBe(true);
});
