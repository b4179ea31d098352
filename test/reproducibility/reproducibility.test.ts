import { afterAll, test } from 'vitest';
import { BUILD_LIMIT_MS, expectSameDigests, secondBazel } from './same-digests.ts';

const second = secondBazel();
afterAll(() => second.remove());

test(
  'a clean build in another directory, without any cache, produces the same images',
  () => expectSameDigests(second),
  BUILD_LIMIT_MS,
);
