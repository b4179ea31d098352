import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makePackage } from '../../bundle/package.ts';
import { realTool } from '../testing/real-tool.ts';

const WORKSPACE = resolve(import.meta.dirname, '../../..');
const EXAMPLES = join(import.meta.dirname, 'examples');
const folder = mkdtempSync(join(tmpdir(), 'package-test-'));
/**
 * Another project with the package as npm would install it: a copy, without access to the sources.
 */
const consumer = join(folder, 'consumer');
const installed = join(consumer, 'node_modules/@icos/formats');

interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly bin: Readonly<Record<string, string>>;
}

function manifest(path: string): Manifest {
  return JSON.parse(readFileSync(path, 'utf8')) as Manifest;
}

function run(
  command: string,
  args: readonly string[],
  cwd = consumer,
): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(command, args, { cwd, encoding: 'utf8' });
}

beforeAll(async () => {
  const made = join(folder, 'made');
  await makePackage(made);
  mkdirSync(join(consumer, 'node_modules/@types'), { recursive: true });
  cpSync(made, installed, { recursive: true });
  // The dependencies that npm would install.
  for (const name of ['xz-decompress', '@types/node']) {
    symlinkSync(realpathSync(join(WORKSPACE, 'node_modules', name)), join(consumer, 'node_modules', name));
  }
  writeFileSync(join(consumer, 'package.json'), '{"type": "module"}');
  cpSync(EXAMPLES, consumer, { recursive: true });
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Builds the package that an example reads, with dpkg-deb. */
function debianPackage(): string {
  const tree = join(folder, 'hello');
  mkdirSync(join(tree, 'DEBIAN'), { recursive: true });
  mkdirSync(join(tree, 'usr/share'), { recursive: true });
  writeFileSync(join(tree, 'usr/share/hello'), 'hello\n');
  const control = 'Package: hello\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody\nDescription: hello\n';
  writeFileSync(join(tree, 'DEBIAN/control'), control);
  const path = join(folder, 'hello_1.0_all.deb');
  const { status, stderr } = run(realTool('dpkg-deb', 'dpkg'), ['--root-owner-group', '--build', tree, path]);
  if (status !== 0) throw new Error(stderr);
  return path;
}

/** The required output of each example. */
const PRINTED: Readonly<Record<string, RegExp>> = {
  'cpio.ts': /^file init\nsymlink sbin\n$/,
  'deb.ts': /^hello 1\.0\n[\s\S]*\/usr\/share\/hello\n$/,
  'erofs.ts': /^\d+ bytes\n5 inodes\n$/,
  'ext4.ts': /^directory \/\ndirectory \/etc\nfile \/etc\/greeting\ndirectory \/lost\+found\nhello\n\n$/,
  'fat.ts': /^fat12 \d+ clusters are free\n[\s\S]*\/EFI\/BOOT\/BOOTX64\.EFI\n$/,
  'gpt.ts': /^1 root 2048\n$/,
  'lvm.ts': /^store 16777216 the first bytes of the volume\n$/,
  'selinux.ts': /^system_u:object_r:shadow_t:s0\n$/,
  'tar.ts': /^file etc\/passwd 644\nroot:x:0:0/,
  'verity.ts': /^root hash: [0-9a-f]{64}\nUserError: root\.img: data block 1 /,
  'zstd.ts': /^one, \ntwo\none, \ntwo\n$/,
};

describe('the package', () => {
  test('contains everything that it exports, and exports formats only', () => {
    const { exports } = manifest(join(installed, 'package.json'));
    expect(
      Object.keys(exports).filter((name) => /cli|test|steps|qemu|dockerfile|internal/.test(name)),
    ).toEqual([]);
    for (const target of Object.values(exports)) {
      const files = typeof target === 'string' ? [target] : Object.values(target as Record<string, string>);
      for (const file of files) expect(existsSync(join(installed, file)), file).toBe(true);
    }
  });

  test('can be imported completely by plain node', () => {
    const names = Object.keys(manifest(join(installed, 'package.json')).exports).filter(
      (name) => !name.endsWith('.json'),
    );
    const lines = names.map(
      (name) =>
        `if (Object.keys(await import('@icos/formats${name.slice(1)}')).length === 0) console.log('${name}');`,
    );
    writeFileSync(join(consumer, 'imports.mjs'), lines.join('\n'));
    const { status, stdout, stderr } = run(process.execPath, ['imports.mjs']);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    // This module has types only.
    expect(stdout).toBe('./entry/tree-reader\n');
  });

  test('does not export internal modules', () => {
    writeFileSync(join(consumer, 'inside.mjs'), "await import('@icos/formats/ext4/inode.js');\n");
    expect(run(process.execPath, ['inside.mjs']).stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });

  test('has types with which the examples and every export compile, in strict mode and with library checks', () => {
    const names = Object.keys(manifest(join(installed, 'package.json')).exports).filter(
      (name) => !name.endsWith('.json'),
    );
    writeFileSync(
      join(consumer, 'all.ts'),
      names
        .map((name, index) => `export * as module${index} from '@icos/formats${name.slice(1)}';`)
        .join('\n'),
    );
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2024',
      lib: ['es2024'],
      types: ['node'],
      strict: true,
      noEmit: true,
      skipLibCheck: false,
    };
    writeFileSync(join(consumer, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
    const { stdout } = run(process.execPath, [join(WORKSPACE, 'node_modules/typescript/bin/tsc'), '-p', '.']);
    expect(stdout).toBe('');
  });

  test('includes the command', () => {
    const command = join(installed, manifest(join(installed, 'package.json')).bin['icos-image'] ?? '');
    expect(readFileSync(command, 'latin1')).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(statSync(command).mode & 0o777).toBe(0o755);
    // Node by its path, because PATH may not contain it.
    expect(run(process.execPath, [command, '--help']).stdout).toContain('icos-image inspect IMAGE');
    expect(run(process.execPath, [command, 'inspect', 'nowhere'])).toMatchObject({
      status: 1,
      stderr: 'icos-image: nowhere: no such file or directory (ENOENT)\n',
    });
  });
});

describe('the examples', () => {
  test('are all tested here', () => {
    expect(readdirSync(EXAMPLES).sort()).toEqual(Object.keys(PRINTED).sort());
  });

  test.each(Object.entries(PRINTED))(
    '%s prints the expected text, with the installed package',
    (name, printed) => {
      const args = name === 'deb.ts' ? [name, debianPackage()] : [name];
      const { status, stdout, stderr } = run(process.execPath, args);
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(printed);
    },
  );

  test('are exactly the code blocks of the README', () => {
    const readme = readFileSync(join(installed, 'README.md'), 'utf8');
    const shown = [...readme.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code);
    const files = readdirSync(EXAMPLES).map((name) => readFileSync(join(EXAMPLES, name), 'utf8'));
    expect(shown.sort()).toEqual(files.sort());
  });
});
