/** Smaller buffers may share their memory with other buffers of a pool. */
const OWN_MEMORY_BYTES = 64 << 10;

/**
 * Frees the memory of a large buffer at once. The buffer must not be used afterwards.
 *
 * The garbage collector would free it too, but later. Until then, new buffers need memory that the
 * kernel has to find and clear, and for buffers of several MiB that takes longer than the work on
 * them.
 */
export function releaseBuffer(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength < OWN_MEMORY_BYTES) return;
  buffer.transfer(0);
}
