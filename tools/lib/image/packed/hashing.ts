/**
 * Computes the hash of data that is also written to a file, on a separate thread for large data.
 */

import { createHash } from 'node:crypto';
import { TaskPool } from '../../runtime/parallel/parallel.ts';
import { sharedWords } from '../../runtime/parallel/shared.ts';
import { END, FREE, type HashRing, hashTask, SLOT_BYTES, SLOT_COUNT } from './hash-worker.ts';

/** A thread that has not hashed a slot after this time is considered dead. */
const PATIENCE_MS = 120_000;

/** A SHA-256 of a stream. The caller fills slots, or passes its own buffers. */
export interface StreamHash {
  /** Returns a buffer to fill. Its bytes stay unchanged until the next call. */
  slot(): Uint8Array;
  /** Hashes the first `lengthBytes` of the slot. */
  put(lengthBytes: number): void;
  update(bytes: Uint8Array): void;
  /** Returns the digest in hexadecimal. */
  finish(): Promise<string>;
  /** Releases the hash if the digest is not needed. */
  close(): Promise<void>;
}

/**
 * Up to this size, hashing on the calling thread costs less processor time than starting a thread,
 * which takes about as long as hashing 64 MiB.
 */
const INLINE_BYTES = 64 << 20;

/**
 * Makes a hash for a stream of about `expectedBytes`. Only the choice of the thread depends on the
 * size.
 */
export function streamHash(expectedBytes: number): StreamHash {
  return expectedBytes <= INLINE_BYTES ? new InlineHash() : new ThreadedHash();
}

class InlineHash implements StreamHash {
  readonly #hash = createHash('sha256');
  readonly #slot = new Uint8Array(SLOT_BYTES);

  slot(): Uint8Array {
    return this.#slot;
  }

  put(lengthBytes: number): void {
    this.#hash.update(this.#slot.subarray(0, lengthBytes));
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  async finish(): Promise<string> {
    return this.#hash.digest('hex');
  }

  async close(): Promise<void> {}
}

/** Computes the SHA-256 of bytes that are put into the slots of a ring, one after another. */
class ThreadedHash implements StreamHash {
  readonly #ring: HashRing = {
    bytes: new Uint8Array(new SharedArrayBuffer(SLOT_BYTES * SLOT_COUNT)),
    lengths: sharedWords(SLOT_COUNT),
  };
  readonly #pool = new TaskPool(hashTask, 1);
  readonly #digest = this.#pool.run(this.#ring);
  #slot = 0;

  constructor() {
    // finish() throws the error; until then it must not count as unhandled.
    this.#digest.catch(() => {});
  }

  /**
   * Returns the next slot, to be filled from its start. {@link put} passes its content on to be
   * hashed; the content stays valid until `slot` is called again.
   */
  slot(): Uint8Array {
    const { bytes, lengths } = this.#ring;
    for (let length = FREE; ; ) {
      length = Atomics.load(lengths, this.#slot);
      if (length === FREE) break;
      if (Atomics.wait(lengths, this.#slot, length, PATIENCE_MS) === 'timed-out') {
        throw new Error(`the thread that hashes has not taken ${length} bytes in ${PATIENCE_MS} ms`);
      }
    }
    return bytes.subarray(this.#slot * SLOT_BYTES, (this.#slot + 1) * SLOT_BYTES);
  }

  /** Hashes the first `lengthBytes` of the slot. */
  put(lengthBytes: number): void {
    if (lengthBytes === 0) return;
    this.#publish(lengthBytes);
  }

  /** Hashes bytes of a buffer that is not a slot. */
  update(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const slot = this.slot();
      const piece = bytes.subarray(done, done + slot.length);
      slot.set(piece);
      this.put(piece.length);
      done += piece.length;
    }
  }

  /** @returns the digest, hexadecimal */
  async finish(): Promise<string> {
    this.slot();
    this.#publish(END);
    const digest = await this.#digest;
    await this.#pool.close();
    return digest;
  }

  /** Stops the thread if the digest is not needed any more. */
  async close(): Promise<void> {
    await this.#pool.close();
  }

  #publish(length: number): void {
    Atomics.store(this.#ring.lengths, this.#slot, length);
    Atomics.notify(this.#ring.lengths, this.#slot);
    this.#slot = (this.#slot + 1) % SLOT_COUNT;
  }
}
