const ZEROS = new Uint8Array(64 << 10);

/** Yields `count` zeros in pieces. */
export function* zeros(count: number): Generator<Uint8Array, void, undefined> {
  for (let left = count; left > 0; left -= ZEROS.length)
    yield ZEROS.subarray(0, Math.min(left, ZEROS.length));
}
