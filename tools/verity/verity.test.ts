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

/** Runs a command that must fail, and returns its one line of output. */
function failure(...args: string[]): string {
  const { status, stderr } = spawnSync(process.execPath, [TOOL, ...args], { encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  return stderr;
}

function veritysetup(...args: string[]): string {
  return execFileSync(realTool('veritysetup', 'cryptsetup-bin'), args, UTF8);
}

test('writes and prints the same as veritysetup, and each verifies the tree of the other', () => {
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

test('writes the tree after the data, over old bytes, and leaves other bytes unchanged', () => {
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
  // These bytes are between the superblock and the next hash block.
  expect(bytes.subarray(DATA_BYTES + 512, DATA_BYTES + 1024).every((byte) => byte === 0)).toBe(true);
});

test('takes all parameters from the options if there is no superblock', () => {
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
    `main.ts: ${image}: data block 321 (at byte ${321 * BLOCK}) does not have the digest stored in the hash tree: it was changed\n`,
  );
});

test('refuses impossible commands with one line, and leaves no output', () => {
  const tree = join(folder, 'none');
  const salted = [`--salt=${SALT}`, `--uuid=${UUID}`];
  expect(failure()).toContain('the command is missing: write format or verify; see --help');
  expect(failure('dump', data)).toContain('unknown command "dump": write format or verify');
  expect(failure('format', data)).toContain('write: verity format DATA HASH');
  expect(failure('verify', data, tree)).toContain('write: verity verify DATA HASH ROOT_HASH');
  expect(failure('format', data, tree)).toContain('--salt is missing: write one, or --salt=- for none');
  expect(failure('format', data, tree, '--salt=-')).toContain('--uuid is missing');
  expect(failure('format', data, tree, ...salted, '--salt=abc')).toContain(
    '--salt=abc: write up to 256 bytes',
  );
  expect(failure('format', data, tree, ...salted, '--hash=md5')).toContain('--hash=md5: use one of sha1, ');
  expect(failure('format', data, tree, ...salted, '--data-block-size=1000')).toContain('blocks of 1000');
  expect(failure('format', data, data, ...salted, '--data-blocks=2')).toContain(
    '--hash-offset=0: the tree would overwrite the',
  );
  expect(failure('format', data, tree, ...salted, '--data-blocks=1001')).toContain(
    `${data}: the file ends at byte ${DATA_BYTES}`,
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
