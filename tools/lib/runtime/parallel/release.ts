/** Smaller buffers may be part of a pool that others have parts of. */
const OWN_MEMORY_BYTES = 64 << 10;

/**
 * Gives the memory of a large buffer back at once; nobody may use it any more.
 *
 * The garbage collector would do it too, but late: until then the next buffers take memory that the kernel has to find and clear first,
 * which for buffers of some MiB takes longer than what is done with them.
 */
export function releaseBuffer(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength < OWN_MEMORY_BYTES) return;
  buffer.transfer(0);
}
