import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { IMAGE_MANIFEST } from '../lib/image/manifest/manifest.ts';
import { readJson } from '../lib/runtime/cli/cli.ts';
import { temporaryFolder } from '../lib/testing/tar/archive.ts';

const folder = temporaryFolder();
const MAIN = join(import.meta.dirname, 'main.ts');
const DIGEST = 'ab'.repeat(32);
const ROOT_UUID = '5d1c6fa4-8a6a-5b0c-9d9b-0c1f6e7a2b11';

const INDEX = {
  version: 1,
  sizeBytes: 8192,
  blockBytes: 4096,
  chunkBytes: 4 << 20,
  sha256: DIGEST,
  fileSystem: { type: 'ext4', label: 'boot', uuid: ROOT_UUID },
  verity: { rootHash: DIGEST, salt: DIGEST, uuid: ROOT_UUID, dataBytes: 4096, hashOffsetBytes: 4096 },
  chunks: [],
};
const VMLINUZ = {
  path: '/vmlinuz',
  type: 'file',
  mode: '0644',
  uid: 0,
  gid: 0,
  sizeBytes: 3,
  sha256: DIGEST,
  layer: 'base',
};
const CONFIG = {
  path: '/config',
  type: 'symlink',
  mode: '0777',
  uid: 0,
  gid: 0,
  target: 'x',
  xattrs: { 'user.a': 'AA==' },
};
const PACKAGE = { name: 'linux', version: '6.1', architecture: 'amd64', source: 'linux', sha256: DIGEST };

const INPUTS: Readonly<Record<string, unknown>> = {
  'boot.json': INDEX,
  'boot.entries.json': { formatVersion: 1, subtree: '/boot', entries: [CONFIG, VMLINUZ] },
  'a.packages.json': { packages: [{ ...PACKAGE, files: ['boot/vmlinuz', 'boot/config'] }] },
  'a.components.json': { components: [{ path: '/boot/config', label: '//a:config', note: 'a placeholder' }] },
};

function put(name: string, value: unknown): void {
  writeFileSync(join(folder(), name), JSON.stringify(value));
}

function run(): { status: number | null; stderr: string } {
  return spawnSync(
    process.execPath,
    [
      MAIN,
      '--os=guestos',
      '--variant=dev',
      '--version-file=version.txt',
      '--partition=boot=boot.json',
      '--entries=boot=boot.entries.json',
      '--packages=a.packages.json',
      '--components=a.components.json',
      '--checksum=disk.sha256',
      '--output=image.json',
    ],
    { cwd: folder(), encoding: 'utf8' },
  );
}

beforeEach(() => {
  rmSync(join(folder(), 'image.json'), { force: true });
  for (const [name, value] of Object.entries(INPUTS)) put(name, value);
  writeFileSync(join(folder(), 'version.txt'), '1.2.3\n');
  writeFileSync(join(folder(), 'disk.sha256'), `${DIGEST}  disk-img.tar.zst\n`);
});

test('image.json has one line for each record, with the members in the order of the inputs', () => {
  expect(run()).toMatchObject({ status: 0, stderr: '' });
  const { sizeBytes, sha256, fileSystem, verity } = INDEX;
  const partition = { name: 'boot', sizeBytes, sha256, fileSystem, verity };
  expect(readFileSync(join(folder(), 'image.json'), 'utf8')).toBe(`{
 "formatVersion": 1,
 "os": "guestos",
 "variant": "dev",
 "version": "1.2.3",
 "notes": {"/boot/config":"a placeholder"},
 "archives": {"disk-img.tar.zst":"${DIGEST}"},
 "partitions": [
  ${JSON.stringify(partition)}
 ],
 "packages": [
  ${JSON.stringify(PACKAGE)}
 ],
 "entries": [
  ${JSON.stringify({ partition: 'boot', ...CONFIG, component: '//a:config' })},
  ${JSON.stringify({ partition: 'boot', ...VMLINUZ, package: 'linux' })}
 ]
}
`);
  const manifest = readJson(join(folder(), 'image.json'), IMAGE_MANIFEST);
  expect(manifest).toEqual(JSON.parse(readFileSync(join(folder(), 'image.json'), 'utf8')));
});

describe('an input is refused with one line that names the file and the key, and leaves no image.json:', () => {
  test.each<[string, string, unknown, string]>([
    [
      'a partition without a digest',
      'boot.json',
      { ...INDEX, sha256: undefined },
      'boot.json: the digest of the partition is missing; pack it without --no-checksum',
    ],
    [
      'a partition that is not packed',
      'boot.json',
      {},
      'boot.json: not the index of a packed partition: the key "version" is missing',
    ],
    [
      'an entry with a mode that is a number',
      'boot.entries.json',
      { formatVersion: 1, subtree: '/', entries: [{ ...VMLINUZ, mode: 644 }] },
      'boot.entries.json: entries[0].mode: expected four octal digits, found 644',
    ],
    [
      'an entry of an unknown type',
      'boot.entries.json',
      { formatVersion: 1, subtree: '/', entries: [{ ...VMLINUZ, type: 'pipe' }] },
      'boot.entries.json: entries[0].type: expected "file" or ',
    ],
    [
      'another version of the list of entries',
      'boot.entries.json',
      { formatVersion: 2, subtree: '/', entries: [] },
      'boot.entries.json: formatVersion: expected 1, found 2',
    ],
    ['no list of packages', 'a.packages.json', [], 'a.packages.json: expected an object, found a list'],
    [
      'a component without a label',
      'a.components.json',
      { components: [{ path: '/a' }] },
      'a.components.json: components[0]: the key "label" is missing',
    ],
  ])('%s', (_what, name, value, message) => {
    put(name, value);
    const { status, stderr } = run();
    expect(stderr).toContain(`main.ts: ${message}`);
    expect(stderr).toMatch(/^[^\n]+\n$/);
    expect([status, existsSync(join(folder(), 'image.json'))]).toEqual([1, false]);
  });
});
