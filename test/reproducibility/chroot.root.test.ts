/** These tests need root: the chroot step runner mounts file systems. */
import { afterAll, test } from 'vitest';
import { BUILD_LIMIT_MS, expectSameDigests, secondBazel } from './same-digests.ts';

const second = secondBazel();
afterAll(() => second.remove());

test(
  'a build with the chroot step runner produces the same images as a build with user-mode Linux',
  () => expectSameDigests(second, '--//rules:step_runner=chroot'),
  BUILD_LIMIT_MS,
);
