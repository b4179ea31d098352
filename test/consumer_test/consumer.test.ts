import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realTool } from '../../tools/lib/testing/real-tool.ts';
import { buildConsumer, CONSUMER, removeOutputs } from './consumer-bazel.ts';

const BUILD_LIMIT_MS = 5 * 60_000;
const MIB = 1 << 20;

const folder = mkdtempSync(join(tmpdir(), 'consumer-'));
let outputs = '';

/** Copies a partition from the disk to a file. */
function partition(name: string, startMebibytes: number, sizeMebibytes: number): string {
  const path = join(folder, `${name}.img`);
  const blocks = ['bs=1M', `skip=${startMebibytes}`, `count=${sizeMebibytes}`];
  execFileSync('dd', [`if=${join(folder, 'disk.img')}`, `of=${path}`, ...blocks], { stdio: 'ignore' });
  return path;
}

function run(tool: string, debianPackage: string, ...args: string[]): string {
  return execFileSync(realTool(tool, debianPackage), args, { encoding: 'utf8', stdio: 'pipe' });
}

beforeAll(() => {
  outputs = buildConsumer();
  run('zstd', 'zstd', '-qdf', join(outputs, 'disk.tar.zst'), '-o', join(folder, 'disk.tar'));
  run('tar', 'tar', '-C', folder, '-xf', join(folder, 'disk.tar'));
}, BUILD_LIMIT_MS);

afterAll(() => {
  rmSync(folder, { recursive: true });
  removeOutputs();
});

describe('a disk that another module builds with the rules', () => {
  test('passes the check of sgdisk', () => {
    expect(run('sgdisk', 'gdisk', '-v', join(folder, 'disk.img'))).toContain('No problems found');
  });

  test('has a clean ext4 file system with the files, and a hash tree that verifies', () => {
    const root = partition('root', 5, 16);
    run('e2fsck', 'e2fsprogs', '-fn', root);
    expect(run('debugfs', 'e2fsprogs', '-R', 'cat /etc/greeting', root)).toBe(
      readFileSync(join(CONSUMER, 'greeting.txt'), 'utf8'),
    );
    const rootHash = readFileSync(join(outputs, 'root.root_hash'), 'utf8').trim();
    run('veritysetup', 'cryptsetup-bin', 'verify', `--hash-offset=${8 * MIB}`, root, root, rootHash);
  });

  test('has a clean FAT file system', () => {
    run('fsck.vfat', 'dosfstools', '-n', partition('esp', 1, 4));
  });

  test('has a manifest that lists its files and their targets', () => {
    const manifest: unknown = JSON.parse(readFileSync(join(outputs, 'image.json'), 'utf8'));
    const digest = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
    expect(manifest).toMatchObject({
      os: 'consumer',
      variant: 'tiny',
      version: '1.0.0',
      archives: {
        'disk.tar.zst': digest(join(outputs, 'disk.tar.zst')),
        'upgrade.tar.gz': digest(join(outputs, 'upgrade.tar.gz')),
      },
      entries: expect.arrayContaining([
        expect.objectContaining({
          partition: 'root',
          path: '/etc/greeting',
          mode: '0644',
          component: '//:greeting.txt',
          sha256: digest(join(CONSUMER, 'greeting.txt')),
        }),
        expect.objectContaining({ partition: 'root', path: '/usr/bin/hello', mode: '0755' }),
      ]),
    });
  });
});
