/** Tasks for the tests of runtime/parallel. */

import { threadId } from 'node:worker_threads';
import { UserError } from '../../formats/error/user-error.ts';
import { defineTask, Transferred } from '../../runtime/parallel/parallel.ts';

export const square = defineTask(import.meta.url, 'square', (value: number) => value * value);

/** Takes numbers from a list that all workers share, until it is empty. */
export const drain = defineTask(
  import.meta.url,
  'drain',
  async ({ next, sums }: { next: Int32Array; sums: Int32Array }) => {
    for (;;) {
      const index = Atomics.add(next, 0, 1);
      if (index >= sums.length) return threadId;
      Atomics.store(sums, index, index * index);
    }
  },
);

export const reverse = defineTask(
  import.meta.url,
  'reverse',
  (bytes: Uint8Array<ArrayBuffer>) => new Transferred(bytes.reverse(), [bytes.buffer]),
);

/** Fails in each way that a task can. */
export const fail = defineTask(
  import.meta.url,
  'fail',
  (how: 'user' | 'system' | 'range' | 'exit'): never => {
    if (how === 'user') throw new UserError('layer.tar: entry etc: it occurs twice');
    if (how === 'range') throw new RangeError('past the end');
    if (how === 'system') {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), {
        code: 'ENOSPC',
        path: 'image.raw',
      });
    }
    process.exit(3);
  },
);
