import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { RUNFILES, SecondBazel, WORKSPACE } from '../second_bazel/second-bazel.ts';

const PACKAGE = 'ic-os/guestos/envs/dev';
const FILES = [
  'disk-img.tar.zst.sha256',
  'disk-img.tar.gz.sha256',
  'update-img.tar.zst.sha256',
  'update-img.tar.gz.sha256',
  'image.json',
];
/** A whole build from nothing, packages' configuration included, on a slow machine. */
const BUILD_LIMIT_MS = 45 * 60_000;

const second = new SecondBazel({
  workspace: WORKSPACE,
  hasAirgapConfig: true,
  options: ['--experimental_convenience_symlinks=ignore'],
  // Another time zone and locale than the first, too.
  environment: { TZ: 'Pacific/Auckland', LC_ALL: 'C' },
});

afterAll(() => second.remove());

describe('a build from nothing, in another place, without any cache', () => {
  it(
    'gives the digests of the first build',
    () => {
      second.run('build', '--disk_cache=', '--remote_cache=', `//${PACKAGE}:dev`);
      const bin = second.run('info', 'bazel-bin');
      for (const file of FILES) {
        const first = readFileSync(join(RUNFILES, PACKAGE, file), 'utf8');
        const again = readFileSync(join(bin, PACKAGE, file), 'utf8');
        expect(again.split('\n'), file).toEqual(first.split('\n'));
        if (file.endsWith('.sha256')) console.log(`equal: ${first.trim()}`);
      }
    },
    BUILD_LIMIT_MS,
  );
});
