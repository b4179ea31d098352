import { type ExecFileSyncOptionsWithStringEncoding, execFileSync, spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { realTool } from '../lib/testing/real-tool.ts';

const TOOL = join(import.meta.dirname, 'main.ts');
const UTF8: ExecFileSyncOptionsWithStringEncoding = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] };
const SALT = 'a5'.repeat(32);
const UUID = '0123abcd-4567-489a-8bcd-ef0123456789';
const BLOCK = 4096;
const DATA_BYTES = 1000 * BLOCK;

let folder = '';
let data = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'verity-tool-'));
  data = join(folder, 'data');
  writeFileSync(
    data,
    Buffer.concat(
      Array.from({ length: 1000 }, (_, index) => Buffer.alloc(BLOCK, hash('sha256', `${index}`, 'buffer'))),
    ),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

function verity(...args: string[]): string {
  return execFileSync(process.execPath, [TOOL, ...args], UTF8);
}

/** The one line of a failure. */
function failure(...args: string[]): string {
  const { status, stderr } = spawnSync(process.execPath, [TOOL, ...args], { encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  return stderr;
}

function veritysetup(...args: string[]): string {
  return execFileSync(realTool('veritysetup', 'cryptsetup-bin'), args, UTF8);
}

test('formats as veritysetup does, prints what it prints, and each verifies what the other made', () => {
  const [ours, theirs, rootHashFile] = ['ours', 'theirs', 'root-hash'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const options = [`--salt=${SALT}`, `--uuid=${UUID}`];
  const printed = verity('format', data, ours, ...options, `--root-hash=${rootHashFile}`);
  const rootHash = readFileSync(rootHashFile, 'utf8').trim();
  const fields = (text: string): string[] => text.split('\n').map((line) => line.replace(/\s+/g, ' ').trim());
  const theirFields = fields(veritysetup('format', data, theirs, ...options));
  expect(theirFields).toEqual(expect.arrayContaining(fields(printed)));
  expect(printed).toMatch(new RegExp(`Root hash: +\\t${rootHash}\\n$`));
  expect(readFileSync(ours).equals(readFileSync(theirs))).toBe(true);
  veritysetup('verify', data, ours, rootHash);
  expect(verity('verify', data, theirs, rootHash)).toBe('');
});

test('puts the tree behind the data, over whatever is there, and leaves the rest as it is', () => {
  const image = join(folder, 'image');
  const filled = Buffer.alloc(DATA_BYTES + 200 * BLOCK, 0xee);
  filled.set(readFileSync(data));
  writeFileSync(image, filled);
  const place = `--hash-offset=${DATA_BYTES}`;
  const options = ['--hash=sha512', '--hash-block-size=1024', '--data-block-size=512', place];
  verity(
    'format',
    image,
    image,
    ...options,
    `--salt=${SALT}`,
    `--uuid=${UUID}`,
    `--root-hash=${join(folder, 'root')}`,
  );
  const rootHash = readFileSync(join(folder, 'root'), 'utf8').trim();
  veritysetup('verify', image, image, rootHash, place);
  verity('verify', image, image, rootHash, place);
  const bytes = readFileSync(image);
  expect(bytes.subarray(0, DATA_BYTES).equals(readFileSync(data))).toBe(true);
  expect(bytes.length).toBe(filled.length);
  expect(bytes.at(-1)).toBe(0xee);
  // Between the superblock and the next hash block.
  expect(bytes.subarray(DATA_BYTES + 512, DATA_BYTES + 1024).every((byte) => byte === 0)).toBe(true);
});

test('without a superblock the options say everything', () => {
  const tree = join(folder, 'bare');
  const root = join(folder, 'bare-root');
  verity('format', data, tree, '--no-superblock', '--salt=-', '--data-blocks=500', `--root-hash=${root}`);
  const rootHash = readFileSync(root, 'utf8').trim();
  const options = ['--no-superblock', '--data-blocks=500', '--salt=-'];
  veritysetup('verify', data, tree, rootHash, ...options);
  verity('verify', data, tree, rootHash, ...options);
});

test('names the first bad block in one line', () => {
  const image = join(folder, 'damaged');
  const bytes = readFileSync(data);
  bytes[BLOCK * 321 + 5] = 1 ^ (bytes[BLOCK * 321 + 5] ?? 0);
  writeFileSync(image, bytes);
  const root = join(folder, 'damaged-root');
  const tree = join(folder, 'damaged-tree');
  verity('format', data, tree, `--salt=${SALT}`, `--uuid=${UUID}`, `--root-hash=${root}`);
  expect(failure('verify', image, tree, readFileSync(root, 'utf8').trim())).toBe(
    `main.ts: ${image}: data block 321 (at byte ${321 * BLOCK}) does not have the digest that the hash tree says: it was changed\n`,
  );
});

test('refuses in one line what cannot be, and leaves no output behind', () => {
  const tree = join(folder, 'none');
  const salted = [`--salt=${SALT}`, `--uuid=${UUID}`];
  expect(failure()).toContain('nothing to do: say format or verify; --help tells more');
  expect(failure('dump', data)).toContain('"dump" to do');
  expect(failure('format', data)).toContain('write: verity format DATA HASH');
  expect(failure('verify', data, tree)).toContain('write: verity verify DATA HASH ROOT_HASH');
  expect(failure('format', data, tree)).toContain('--salt is missing: write one, or --salt=- for none');
  expect(failure('format', data, tree, '--salt=-')).toContain('--uuid is missing');
  expect(failure('format', data, tree, ...salted, '--salt=abc')).toContain(
    '--salt=abc: write up to 256 bytes',
  );
  expect(failure('format', data, tree, ...salted, '--hash=md5')).toContain('--hash=md5: there are sha1, ');
  expect(failure('format', data, tree, ...salted, '--data-block-size=1000')).toContain('blocks of 1000');
  expect(failure('format', data, data, ...salted, '--data-blocks=2')).toContain(
    '--hash-offset=0: the tree would lie in',
  );
  expect(failure('format', data, tree, ...salted, '--data-blocks=1001')).toContain(
    `${data}: ends at byte ${DATA_BYTES}`,
  );
  const odd = join(folder, 'odd');
  writeFileSync(odd, 'x');
  truncateSync(odd, BLOCK + 1);
  expect(failure('format', odd, tree, ...salted)).toContain(
    '4097 bytes of data are not whole blocks of 4096',
  );
  expect(existsSync(tree)).toBe(false);
  expect(verity('--help')).toContain('verity verify DATA HASH ROOT_HASH');
});
