import { afterAll, test } from 'vitest';
import { BUILD_LIMIT_MS, expectSameDigests, secondBazel } from './same-digests.ts';

const second = secondBazel();
afterAll(() => second.remove());

test(
  'a build from nothing, in another place, without any cache, gives the same images',
  () => expectSameDigests(second),
  BUILD_LIMIT_MS,
);
