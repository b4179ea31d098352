/** Computes the SHA-256 of a stream on another thread, so that hashing does not delay writing. */

import { createHash } from 'node:crypto';
import { defineTask } from '../../runtime/parallel/parallel.ts';

/** The stream passes through a ring of slots in shared memory. */
export const SLOT_BYTES = 1 << 20;
export const SLOT_COUNT = 8;

/**
 * `lengths` has one word per slot: the number of bytes in the slot that wait to be hashed, {@link
 * FREE} for a free slot, or {@link END} for the end of the stream.
 */
export interface HashRing {
  readonly bytes: Uint8Array;
  readonly lengths: Int32Array;
}
export const FREE = 0;
export const END = -1;

export const hashTask = defineTask(import.meta.url, 'hash-stream', ({ bytes, lengths }: HashRing): string => {
  const hash = createHash('sha256');
  for (let slot = 0; ; slot = (slot + 1) % SLOT_COUNT) {
    Atomics.wait(lengths, slot, FREE);
    const length = Atomics.load(lengths, slot);
    if (length === END) return hash.digest('hex');
    hash.update(bytes.subarray(slot * SLOT_BYTES, slot * SLOT_BYTES + length));
    Atomics.store(lengths, slot, FREE);
    Atomics.notify(lengths, slot);
  }
});
