/** Helpers for the tests of compressed formats. */
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { BlockSource } from '../../formats/block/block.ts';
import { UserError } from '../../formats/error/user-error.ts';
import type { PieceWriter } from '../../formats/pipeline/piece-writer.ts';
import { realTool } from '../real-tool.ts';

/** Sends `input` through a real tool. @returns its output */
export function filter(
  command: string,
  debianPackage: string,
  args: readonly string[],
  input: Uint8Array,
): Buffer {
  return execFileSync(realTool(command, debianPackage), args, {
    input,
    maxBuffer: 1 << 28,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/** Concatenates the chunks of a stream. It copies each, because a stream may overwrite it. */
export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}

export function sourceOf(bytes: Uint8Array): BlockSource {
  return { sizeBytes: bytes.length, read: (offset, length) => bytes.slice(offset, offset + length) };
}

/**
 * Writes `content` in pieces that end at `cuts`, in any order.
 *
 * @param afterEach runs after each piece
 */
export async function writeInPieces(
  writer: PieceWriter,
  content: Uint8Array,
  cuts: readonly number[],
  afterEach: () => Promise<void> = async () => {},
): Promise<void> {
  let start = 0;
  for (const cut of [...cuts, content.length].sort((left, right) => left - right)) {
    await writer.write(content.subarray(start, cut));
    await afterEach();
    start = cut;
  }
  await writer.finish();
}

/**
 * Expects that a reader of damaged data ends normally or with a UserError, for every cut of its
 * input.
 */
export async function expectDamageDetected(
  original: Uint8Array,
  read: (...chunks: Uint8Array[]) => Promise<Buffer>,
): Promise<void> {
  const change = fc.tuple(fc.nat({ max: original.length - 1 }), fc.nat({ max: 255 }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 1, maxLength: 4 }),
      fc.nat({ max: original.length }),
      async (changes, cut) => {
        const bytes = Buffer.from(original);
        for (const [place, value] of changes) bytes[place] = value;
        const outcome = await read(bytes.subarray(0, cut), bytes.subarray(cut)).catch(
          (error: unknown) => error,
        );
        if (!(outcome instanceof Buffer)) expect(outcome).toBeInstanceOf(UserError);
      },
    ),
    { numRuns: 1500 },
  );
}
