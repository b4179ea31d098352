import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { MemoryImage } from '../lib/formats/block/block.ts';
import { packImageFiles } from '../lib/image/packed/file.ts';
import { realTool } from '../lib/testing/real-tool.ts';
import { gnuTar, temporaryFolder } from '../lib/testing/tar/archive.ts';

const folder = temporaryFolder();
const MAIN = join(import.meta.dirname, 'main.ts');
const MIB = 1 << 20;

const images = { boot: new MemoryImage(MIB), root: new MemoryImage(32 * MIB) };

beforeAll(async () => {
  images.boot.write(4096, Buffer.from('boot'));
  images.root.write(20 * MIB, Buffer.alloc(10_000, 'root '));
  for (const [name, image] of Object.entries(images)) {
    const stem = join(folder(), name);
    await packImageFiles(image, { zst: `${stem}.img.zst`, gz: `${stem}.img.gz`, index: `${stem}.json` });
  }
  writeFileSync(join(folder(), 'version.txt'), 'v1.2.3\n');
});

function upgradeImage(
  version = 'version.txt',
  root = 'root.json',
): { status: number | null; stderr: string; zst: string; gz: string } {
  const path = (name: string) => join(folder(), name);
  const [zst, gz] = [path('update-img.tar.zst'), path('update-img.tar.gz')];
  const args = [
    MAIN,
    `--boot=${path('boot.json')}`,
    `--root=${path(root)}`,
    `--version-file=${path(version)}`,
    `--zst=${zst}`,
    `--gz=${gz}`,
  ];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { status, stderr, zst, gz };
}

describe('an upgrade archive', () => {
  it.each(['zst', 'gz'] as const)(
    '.%s unpacks with GNU tar to boot.img, root.img and VERSION.TXT, in this order',
    (compression) => {
      const made = upgradeImage();
      expect(made.stderr).toBe('');
      const tool = compression === 'zst' ? realTool('zstd', 'zstd') : realTool('gzip', 'gzip');
      execFileSync(tool, ['-qt', made[compression]]);
      const target = join(folder(), compression);
      mkdirSync(target);
      const names = gnuTar(
        ['-xvf', '-', '-C', target, '--no-same-owner'],
        execFileSync(tool, ['-qdc', made[compression]]),
      );
      expect(names.toString()).toBe('boot.img\nroot.img\nVERSION.TXT\n');
      expect(readFileSync(join(target, 'VERSION.TXT'), 'utf8')).toBe('v1.2.3\n');
      for (const [name, image] of Object.entries(images)) {
        const path = join(target, `${name}.img`);
        expect(readFileSync(path).equals(image.read(0, image.sizeBytes))).toBe(true);
        expect(statSync(path).blocks * 512).toBeLessThan(64 * 1024);
      }
      const digest = createHash('sha256').update(readFileSync(made[compression])).digest('hex');
      expect(readFileSync(`${made[compression]}.sha256`, 'utf8')).toBe(
        `${digest}  update-img.tar.${compression}\n`,
      );
    },
  );

  it.each([
    ['an empty version', 'empty.txt', 'root.json', 'empty.txt: the version is empty'],
    ['a missing partition', 'version.txt', 'missing.json', 'missing.json: no such file or directory'],
  ])('with %s is refused with one line', (_what, version, root, message) => {
    writeFileSync(join(folder(), 'empty.txt'), '\n');
    for (const name of ['zst', 'gz']) rmSync(join(folder(), `update-img.tar.${name}`), { force: true });
    const { status, stderr, zst, gz } = upgradeImage(version, root);
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^main\.ts: [^\n]+\n$/);
    expect(status).toBe(1);
    expect([existsSync(zst), existsSync(gz)]).toEqual([false, false]);
  });
});
