/** Damages an image in ways that find mistakes in readers, and restores it. */
import type { Random } from './random.ts';

/** Numbers at the limits of sizes, counts and offsets. */
const BOUNDARIES = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
];
const BLOCK_BYTES = 512;
const MOST_CHANGES = 4;
const MOST_RANGE_BYTES = 64;

/**
 * An image, and the blocks in it that are not all zeros. Most of an image is zeros, and readers do
 * not look at them.
 */
export interface Seed {
  readonly name: string;
  readonly bytes: Buffer;
  /** The offsets of blocks of 512 bytes that are not all zeros. */
  readonly busyBlocks: readonly number[];
}

export function seedOf(name: string, bytes: Uint8Array): Seed {
  const busyBlocks: number[] = [];
  for (let offset = 0; offset < bytes.length; offset += BLOCK_BYTES) {
    if (bytes.subarray(offset, offset + BLOCK_BYTES).some((byte) => byte !== 0)) busyBlocks.push(offset);
  }
  return { name, bytes: Buffer.from(bytes), busyBlocks: busyBlocks.length === 0 ? [0] : busyBlocks };
}

interface Damage {
  readonly offsetBytes: number;
  readonly original: Buffer;
}

function place(seed: Seed, random: Random): number {
  const block = random.pick(seed.busyBlocks);
  return Math.min(block + random.below(BLOCK_BYTES), Math.max(0, seed.bytes.length - 1));
}

function number(bytes: Buffer, offset: number, random: Random): void {
  const width = random.pick([1, 2, 4, 8]);
  const aligned = Math.min(offset - (offset % width), Math.max(0, bytes.length - width));
  if (aligned + width > bytes.length) return;
  const value = random.below(2) === 0 ? random.pick(BOUNDARIES) : random.below(0x100000000);
  const low =
    random.below(3) === 0
      ? (bytes.readUIntLE(aligned, Math.min(width, 4)) + random.pick([-1, 1, 2])) >>> 0
      : value;
  if (width === 8) {
    bytes.writeUInt32LE(low >>> 0, aligned);
    bytes.writeUInt32LE(random.pick([0, 0, 1, 0x7fffffff, 0xffffffff]), aligned + 4);
  } else {
    for (let index = 0; index < width; index++) {
      const shift = random.below(8) === 0 ? width - 1 - index : index;
      bytes[aligned + index] = (low >>> (8 * shift)) & 0xff;
    }
  }
}

/**
 * Damages `seed.bytes` in place.
 *
 * @returns the damages, for {@link undo}, and the size that the damaged image appears to have
 */
export function mutate(seed: Seed, random: Random): { damages: Damage[]; sizeBytes: number } {
  const { bytes } = seed;
  const damages: Damage[] = [];
  const keep = (offsetBytes: number, lengthBytes: number): void => {
    damages.push({
      offsetBytes,
      original: Buffer.from(bytes.subarray(offsetBytes, offsetBytes + lengthBytes)),
    });
  };
  const changes = 1 + random.below(MOST_CHANGES);
  for (let change = 0; change < changes; change++) {
    const offset = place(seed, random);
    const length = Math.min(1 + random.below(MOST_RANGE_BYTES), bytes.length - offset);
    switch (random.below(6)) {
      case 0:
        keep(offset, 1);
        bytes[offset] = (bytes[offset] as number) ^ (1 << random.below(8));
        break;
      case 1:
        keep(offset, length);
        bytes.fill(random.pick([0, 0xff, 0x30, 0x2f]), offset, offset + length);
        break;
      case 2: {
        const from = place(seed, random);
        const count = Math.min(
          random.pick([4, 8, 32, 64, 512, 1024, 4096]),
          bytes.length - Math.max(from, offset),
        );
        keep(offset, count);
        bytes.copy(bytes, offset, from, from + count);
        break;
      }
      case 3:
        keep(offset, length);
        for (let index = 0; index < length; index++) bytes[offset + index] = random.below(256);
        break;
      default: {
        const start = Math.max(0, offset - 8);
        keep(start, Math.min(16, bytes.length - start));
        number(bytes, offset, random);
      }
    }
  }
  const isCut = random.below(16) === 0;
  return { damages, sizeBytes: isCut ? random.below(bytes.length + 1) : bytes.length };
}

export function undo(seed: Seed, damages: readonly Damage[]): void {
  for (const { offsetBytes, original } of damages.toReversed()) original.copy(seed.bytes, offsetBytes);
}
