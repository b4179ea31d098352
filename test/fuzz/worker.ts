/**
 * Runs cases in sequence. run.ts starts this module in a separate thread, so that run.ts can stop a
 * reader that does not terminate.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { UserError } from '../../tools/lib/formats/error/user-error.ts';
import { mutate, type Seed, undo } from './mutate.ts';
import { Random } from './random.ts';
import type { FuzzPlan } from './run.ts';
import { BrokenPromise, type Target, watchedSource } from './target.ts';
import { TARGETS } from './targets.ts';

/** The memory that a reader may need, in addition to the memory before the first case. */
const MAX_MEMORY_BYTES = 320 << 20;
const KIBIBYTE = 1024;

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Runs a case. @returns the failure, or `undefined` if the reader succeeds or throws UserError */
async function runCase(target: Target, seed: Seed, random: Random): Promise<string | undefined> {
  const { damages, sizeBytes } = mutate(seed, random);
  try {
    await target.read(watchedSource(seed.bytes, sizeBytes));
    return undefined;
  } catch (error) {
    if (!(error instanceof UserError)) return describe(error);
    return error.message.includes('\n') ? `a message of several lines: ${error.message}` : undefined;
  } finally {
    undo(seed, damages);
  }
}

async function run(
  { target: name, folder, seed, first, count }: FuzzPlan,
  progress: Int32Array,
): Promise<void> {
  const target = TARGETS.find((candidate) => candidate.name === name);
  if (target === undefined) throw new Error(`the target ${name} does not exist`);
  const seeds = await target.seeds(folder);
  for (const image of seeds) {
    // If the reader refused an intact image, every case would pass.
    await target.read(watchedSource(image.bytes, image.bytes.length));
  }
  const before = process.resourceUsage().maxRSS * KIBIBYTE;
  for (let number = first; number < first + count; number++) {
    Atomics.store(progress, 0, number);
    const random = new Random(seed, number);
    const image = random.pick(seeds);
    let broken = await runCase(target, image, random);
    if (process.resourceUsage().maxRSS * KIBIBYTE - before > MAX_MEMORY_BYTES) {
      broken ??= describe(new BrokenPromise(`more than ${MAX_MEMORY_BYTES} bytes of memory`));
    }
    if (broken !== undefined) {
      parentPort?.postMessage({ failed: { number, image: image.name, broken } });
      return;
    }
  }
  parentPort?.postMessage({ cases: count });
}

const { plan, progress } = workerData as { plan: FuzzPlan; progress: SharedArrayBuffer };
await run(plan, new Int32Array(progress));
