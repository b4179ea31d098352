import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { FileImage } from '../lib/formats/block/file.ts';
import { packImageFiles } from '../lib/image/packed/file.ts';
import { type Fixtures, makeFixtures } from './testing/fixtures.ts';
import { flip, lines, MIB, run, tool } from './testing/workbench.ts';

let images: Fixtures;

beforeAll(() => {
  images = makeFixtures();
});

function copy(path: string, name: string): string {
  const target = join(images.folder, name);
  copyFileSync(path, target);
  return target;
}

/** The offset of a file's first block, from debugfs. */
function firstBlock(image: string, path: string): number {
  return Number(tool('debugfs', 'e2fsprogs', ['-R', `bmap ${path} 0`, image]).toString());
}

async function firstProblem(...args: string[]): Promise<string> {
  const { status, stdout, error } = await run('verify', ...args);
  expect(status).toBe(1);
  const failed = stdout
    .toString()
    .split('\n')
    .find((line) => line.startsWith('FAILED'));
  expect(failed).toBe(`FAILED  ${error}`);
  return error ?? '';
}

describe('verify', () => {
  test.each(['disk', 'diskZst', 'diskGz', 'ext4', 'fat', 'erofs', 'verity'] as const)(
    'finds nothing wrong with %s',
    async (name) => {
      const printed = await lines('verify', images[name]);
      expect(printed.length).toBeGreaterThan(1);
      for (const line of printed) expect(line).toMatch(/^ok {6}/);
    },
  );

  test('checks the hash tree against the given root hash', async () => {
    const printed = await lines('verify', `--root-hash=${images.rootHash.toUpperCase()}`, images.verity);
    expect(printed.at(-1)).toBe(
      `ok      verity: ${16 * MIB} bytes of data against root hash ${images.rootHash}`,
    );
    const other = `${images.rootHash.slice(0, -1)}${images.rootHash.endsWith('0') ? '1' : '0'}`;
    expect(await firstProblem(`--root-hash=${other}`, images.disk)).toMatch(
      /A_root: hash block 0 of level 1 .* does not have the root hash/,
    );
    expect(await firstProblem(`--root-hash=${other}`, images.ext4)).toMatch(/it has no verity tree/);
    expect(await firstProblem('--root-hash=12', images.verity)).toMatch(/"12" is no root hash/);
  });

  test('names the first data block that does not match the hash tree', async () => {
    const path = copy(images.disk, 'bad-data.img');
    const block = firstBlock(images.ext4, '/usr/bin/tool') + 3;
    flip(path, 10 * MIB + block * 4096 + 17);
    flip(path, 10 * MIB + (block + 5) * 4096);
    expect(await firstProblem(path)).toMatch(
      new RegExp(`A_root: data block ${block} \\(at byte ${block * 4096}\\)`),
    );
  });

  test('finds a damaged inode, and continues with the other partitions', async () => {
    const path = copy(images.disk, 'bad-inode.img');
    const where = tool('debugfs', 'e2fsprogs', ['-R', 'imap /etc/passwd', images.ext4]).toString();
    const [, block = '', offset = ''] = /located at block (\d+), offset (0x[0-9a-f]+)/.exec(where) ?? [];
    flip(path, 10 * MIB + Number(block) * 4096 + Number(offset) + 4);
    const { stdout } = await run('verify', path);
    expect(stdout.toString()).toMatch(/^FAILED {2}.*A_root: inode \d+: it does not match its checksum/m);
    expect(stdout.toString()).toMatch(/^ok {6}.*B_root: all files of the erofs can be read/m);
  });

  test.each([
    ['the primary header', 512 + 40, /primary GPT at sector 1: header CRC32 is/],
    ['the primary entries', 1024 + 60, /primary GPT at sector 1: entries CRC32 is/],
    ['the backup header', 64 * MIB - 512 + 40, /backup GPT at sector 131071: header CRC32 is/],
    ['the backup entries', 64 * MIB - 33 * 512 + 60, /backup GPT at sector 131071: entries CRC32 is/],
  ])('sees damage in %s', async (_, offsetBytes, message) => {
    const path = copy(images.disk, 'bad-gpt.img');
    flip(path, offsetBytes);
    const { status, error } = await run('verify', path);
    expect(status).toBe(1);
    expect(error).toMatch(message);
  });

  test('finds a difference between the two tables of a FAT volume', async () => {
    const path = copy(images.fat, 'bad-fat.img');
    // In the second table, after the reserved sectors and the first table.
    const boot = readFileSync(path);
    flip(path, (boot.readUInt16LE(14) + boot.readUInt16LE(22)) * 512 + 5);
    expect((await run('verify', path)).error).toMatch(/file allocation table/);
  });

  test('checks the .sha256 beside an archive', async () => {
    const path = copy(images.diskZst, 'checked.tar.zst');
    const digest = createHash('sha256').update(readFileSync(path)).digest('hex');
    writeFileSync(`${path}.sha256`, `${digest}  ${basename(path)}\n`);
    expect((await lines('verify', path))[0]).toBe(`ok      the digest in ${path}.sha256`);
    writeFileSync(`${path}.sha256`, `${'0'.repeat(64)}  ${basename(path)}\n`);
    expect(await firstProblem(path)).toContain(`its sha256 is ${digest}, ${path}.sha256 says 0000`);
    writeFileSync(`${path}.sha256`, `${digest}  other.tar.zst\n`);
    expect(await firstProblem(path)).toMatch(/it is the checksum of other\.tar\.zst/);
    writeFileSync(`${path}.sha256`, 'nonsense\n');
    expect(await firstProblem(path)).toMatch(/not the output of sha256sum/);
  });

  test('finds damaged compressed data', async () => {
    const path = copy(images.diskZst, 'torn.tar.zst');
    flip(path, Math.floor(readFileSync(path).length / 2));
    const { status, error } = await run('verify', path);
    expect(status).toBe(1);
    expect(error).toMatch(/torn\.tar\.zst: .*zst/);
  });

  test('checks both files of a packed partition against the digest in its index', async () => {
    const stem = join(images.folder, 'packed');
    const source = FileImage.open(images.verity);
    await packImageFiles(source, { zst: `${stem}.img.zst`, gz: `${stem}.img.gz`, index: `${stem}.json` });
    source.close();
    const printed = await lines('verify', `${stem}.json`);
    expect(printed).toContain(`ok      ${stem}.img.zst against the digest of its index`);
    expect(printed).toContain(`ok      ${stem}.img.gz against the digest of its index`);
    const index = readFileSync(`${stem}.json`, 'utf8');
    writeFileSync(`${stem}.json`, index.replace(/"sha256":"[0-9a-f]{8}/, '"sha256":"00000000'));
    expect(await firstProblem(`${stem}.json`)).toMatch(
      /packed\.img\.zst: the partition's sha256 is [0-9a-f]{64}, .*packed\.json says 00000000/,
    );
  });
});
