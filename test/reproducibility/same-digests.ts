import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { RUNFILES, SecondBazel, WORKSPACE } from '../second_bazel/second-bazel.ts';

const PACKAGE = 'ic-os/guestos/envs/dev';
const FILES = [
  'disk-img.tar.zst.sha256',
  'disk-img.tar.gz.sha256',
  'update-img.tar.zst.sha256',
  'update-img.tar.gz.sha256',
  'image.json',
];

/** Time limit for a clean build on a slow machine, including the configuration of the packages. */
export const BUILD_LIMIT_MS = 45 * 60_000;

/** Returns a Bazel with its own output base, and with another umask, time zone and locale. */
export function secondBazel(): SecondBazel {
  return new SecondBazel({
    workspace: WORKSPACE,
    hasAirgapConfig: true,
    options: ['--experimental_convenience_symlinks=ignore'],
    environment: { TZ: 'Pacific/Auckland', LC_ALL: 'C' },
  });
}

/** Builds without any cache, and compares digests and manifest with those of the first build. */
export function expectSameDigests(second: SecondBazel, ...options: readonly string[]): void {
  second.run('build', '--disk_cache=', '--remote_cache=', ...options, `//${PACKAGE}:dev`);
  const bin = second.run('info', 'bazel-bin', ...options);
  for (const file of FILES) {
    const first = readFileSync(join(RUNFILES, PACKAGE, file), 'utf8');
    const again = readFileSync(join(bin, PACKAGE, file), 'utf8');
    expect(again.split('\n'), file).toEqual(first.split('\n'));
    if (file.endsWith('.sha256')) console.log(`equal: ${first.trim()}`);
  }
}
