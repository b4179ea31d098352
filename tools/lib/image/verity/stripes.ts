import { closeSync, openSync, readSync } from 'node:fs';
import { UserError } from '../../formats/error/user-error.ts';
import type { VerityFormat } from '../../formats/verity/format.ts';
import { isZeroBlock, SaltedHasher } from '../../formats/verity/hasher.ts';
import { defineTask, TaskPool, Transferred, workerCount } from '../../runtime/parallel/parallel.ts';

/** A range of the data, offset and length in bytes. */
export type DataRange = readonly [offsetBytes: number, lengthBytes: number];

/** The data blocks of a file. */
export interface DataFile {
  readonly path: string;
  /** The start of the data in the file; 0 by default. */
  readonly startBytes?: number;
  readonly blockCount: number;
  /** The ranges that may contain bytes other than zero, ascending. By default, all of the data. */
  readonly written?: readonly DataRange[];
}

/** The digests of data blocks, padded as in a hash block. Without `slots`, all blocks are zeros. */
export interface Stripe {
  readonly firstBlock: number;
  readonly blockCount: number;
  readonly slots?: Buffer;
}

/** The number of bytes that a worker hashes per call. */
const STRIPE_BYTES = 8 * 1024 ** 2;
/** The number of bytes that a worker reads at once: few enough to be in the cache when hashed. */
const PIECE_BYTES = 256 * 1024;
/** Up to this size, hashing takes less time than starting a worker. */
const PARALLEL_BYTES = 2 * STRIPE_BYTES;
/** Each worker has one stripe that it hashes, and one that waits. */
const STRIPES_PER_WORKER = 2;

interface StripeInput {
  readonly path: string;
  readonly startBytes: number;
  readonly format: VerityFormat;
  readonly firstBlock: number;
  readonly blockCount: number;
  /** Ranges of blocks from the start of the data: the first block, and the one after the last. */
  readonly dataBlocks: readonly (readonly [number, number])[];
}

const hashStripe = defineTask(import.meta.url, 'verity-stripe', (input: StripeInput) => {
  const { path, startBytes, format, firstBlock, blockCount, dataBlocks } = input;
  const hasher = new SaltedHasher(format);
  const slots = Buffer.from(new ArrayBuffer(blockCount * hasher.slotBytes));
  const digests = new SlotWriter(slots, hasher.slotBytes);
  const pieces = new BlockPieces(path, startBytes, format, hasher);
  try {
    let next = firstBlock;
    for (const [from, end] of dataBlocks) {
      digests.repeat(hasher.zeroDigest(0), from - next);
      pieces.hash(from, end, digests);
      next = end;
    }
    digests.repeat(hasher.zeroDigest(0), firstBlock + blockCount - next);
  } finally {
    pieces.close();
  }
  return new Transferred<Uint8Array<ArrayBuffer>>(slots, [slots.buffer]);
});

/** Writes digests one after the other, each into its own slot. */
class SlotWriter {
  readonly #slots: Buffer;
  readonly #slotBytes: number;
  #offsetBytes = 0;

  constructor(slots: Buffer, slotBytes: number) {
    this.#slots = slots;
    this.#slotBytes = slotBytes;
  }

  add(digest: string): void {
    this.#slots.write(digest, this.#offsetBytes, 'latin1');
    this.#offsetBytes += this.#slotBytes;
  }

  repeat(digest: string, count: number): void {
    for (let rest = count; rest > 0; rest -= 1) this.add(digest);
  }
}

/** Reads and hashes blocks of a file. */
class BlockPieces {
  readonly #path: string;
  readonly #descriptor: number;
  readonly #startBytes: number;
  readonly #format: VerityFormat;
  readonly #hasher: SaltedHasher;
  readonly #zeros: Buffer;
  readonly #pieceBlocks: number;
  /**
   * The salt, then a piece. The salt of each further block overwrites the end of the previous one.
   */
  readonly #buffer: Buffer;

  constructor(path: string, startBytes: number, format: VerityFormat, hasher: SaltedHasher) {
    this.#path = path;
    this.#descriptor = openSync(path, 'r');
    this.#startBytes = startBytes;
    this.#format = format;
    this.#hasher = hasher;
    this.#zeros = Buffer.alloc(format.dataBlockBytes);
    this.#pieceBlocks = Math.max(1, PIECE_BYTES / format.dataBlockBytes);
    this.#buffer = Buffer.alloc(format.salt.length + this.#pieceBlocks * format.dataBlockBytes);
  }

  hash(from: number, end: number, digests: SlotWriter): void {
    for (let first = from; first < end; first += this.#pieceBlocks) {
      const blockCount = Math.min(this.#pieceBlocks, end - first);
      this.#read(first, blockCount);
      for (let index = 0; index < blockCount; index += 1) digests.add(this.#digest(index));
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #digest(index: number): string {
    const { salt, dataBlockBytes } = this.#format;
    const saltStart = index * dataBlockBytes;
    const blockStart = saltStart + salt.length;
    const blockEnd = blockStart + dataBlockBytes;
    if (isZeroBlock(this.#buffer.subarray(blockStart, blockEnd), this.#zeros))
      return this.#hasher.zeroDigest(0);
    this.#buffer.set(salt, saltStart);
    return this.#hasher.digestSalted(this.#buffer.subarray(saltStart, blockEnd));
  }

  #read(firstBlock: number, blockCount: number): void {
    const { salt, dataBlockBytes } = this.#format;
    const lengthBytes = blockCount * dataBlockBytes;
    const offsetBytes = this.#startBytes + firstBlock * dataBlockBytes;
    for (let done = 0; done < lengthBytes; ) {
      const count = readSync(
        this.#descriptor,
        this.#buffer,
        salt.length + done,
        lengthBytes - done,
        offsetBytes + done,
      );
      if (count === 0)
        throw new UserError(
          `${this.#path}: the file ends at byte ${offsetBytes + done}, before its data ends`,
        );
      done += count;
    }
  }
}

/**
 * Hashes the data blocks of a file on worker threads, and yields their digests in order. The number
 * of workers bounds the memory, and does not change the digests.
 */
export async function* hashStripes(
  file: DataFile,
  format: VerityFormat,
  workers = workerCount(),
): AsyncGenerator<Stripe, void, undefined> {
  const pool = new TaskPool(hashStripe, workers);
  const inOrder: (() => Promise<Stripe>)[] = [];
  const alone = workers === 1 || file.blockCount * format.dataBlockBytes <= PARALLEL_BYTES;
  const ahead = alone ? 1 : workers * STRIPES_PER_WORKER;
  try {
    for (const { firstBlock, blockCount, dataBlocks } of stripes(file, format)) {
      const { path, startBytes = 0 } = file;
      const input = { path, startBytes, format, firstBlock, blockCount, dataBlocks };
      inOrder.push(startStripe(input, (call) => (alone ? hashStripe.handler(call) : pool.run(call))));
      if (inOrder.length >= ahead) yield await (inOrder.shift() as () => Promise<Stripe>)();
    }
    for (const stripe of inOrder) yield await stripe();
  } finally {
    await pool.close();
  }
}

type StripeOutput = Uint8Array | Transferred<Uint8Array>;

/**
 * Starts to hash one stripe. A failure is thrown in the order of the stripes, so the error is the
 * same in every run.
 */
function startStripe(
  input: StripeInput,
  run: (input: StripeInput) => StripeOutput | Promise<StripeOutput>,
): () => Promise<Stripe> {
  const { firstBlock, blockCount } = input;
  if (input.dataBlocks.length === 0) return async () => ({ firstBlock, blockCount });
  const started = (async () => run(input))();
  started.catch(() => undefined);
  return async () => {
    const output = await started;
    const bytes = output instanceof Transferred ? output.output : output;
    return { firstBlock, blockCount, slots: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) };
  };
}

interface PlannedStripe {
  readonly firstBlock: number;
  readonly blockCount: number;
  readonly dataBlocks: readonly (readonly [number, number])[];
}

/** Cuts the data into stripes. A long range of zeros becomes a separate stripe of any length. */
function* stripes(file: DataFile, { dataBlockBytes }: VerityFormat): Generator<PlannedStripe> {
  const { blockCount, written } = file;
  const stripeBlocks = Math.max(1, STRIPE_BYTES / dataBlockBytes);
  const ranges = blockRanges(written ?? [[0, blockCount * dataBlockBytes]], blockCount, dataBlockBytes);
  let index = 0;
  for (let firstBlock = 0; firstBlock < blockCount; ) {
    while (index < ranges.length && (ranges[index] as BlockRange)[1] <= firstBlock) index += 1;
    const nextData = Math.max(firstBlock, ranges[index]?.[0] ?? blockCount);
    const zeroStripes = Math.floor((nextData - firstBlock) / stripeBlocks);
    if (zeroStripes > 0 || nextData === blockCount) {
      const count = nextData === blockCount ? blockCount - firstBlock : zeroStripes * stripeBlocks;
      yield { firstBlock, blockCount: count, dataBlocks: [] };
      firstBlock += count;
      continue;
    }
    const end = Math.min(firstBlock + stripeBlocks, blockCount);
    const dataBlocks: BlockRange[] = [];
    for (let at = index; at < ranges.length && (ranges[at] as BlockRange)[0] < end; at += 1) {
      const [from, to] = ranges[at] as BlockRange;
      dataBlocks.push([Math.max(from, firstBlock), Math.min(to, end)]);
    }
    yield { firstBlock, blockCount: end - firstBlock, dataBlocks };
    firstBlock = end;
  }
}

type BlockRange = readonly [number, number];

/** Converts ranges of bytes to ranges of the blocks that hold them, and joins adjacent ones. */
function blockRanges(ranges: readonly DataRange[], blockCount: number, dataBlockBytes: number): BlockRange[] {
  const joined: [number, number][] = [];
  for (const [offsetBytes, lengthBytes] of ranges) {
    const from = Math.floor(offsetBytes / dataBlockBytes);
    const end = Math.min(blockCount, Math.ceil((offsetBytes + lengthBytes) / dataBlockBytes));
    const last = joined.at(-1);
    if (last !== undefined && from < last[0]) throw new RangeError('ranges of data are not ascending');
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], end);
    else if (end > from) joined.push([from, end]);
  }
  return joined;
}
