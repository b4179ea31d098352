/** Runs readers on damaged images, and reports the case in which a reader failed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

export interface FuzzPlan {
  /** The name of a {@link Target}. */
  readonly target: string;
  /** Where the target makes its images. */
  readonly folder: string;
  /** The same seed gives the same cases. */
  readonly seed: number;
  readonly first: number;
  readonly count: number;
}

/** A case that takes longer counts as an endless loop. Normal cases take milliseconds. */
const CASE_LIMIT_MILLISECONDS = 60_000;
const LOOK_MILLISECONDS = 1000;

interface Failure {
  readonly number: number;
  readonly image: string;
  readonly broken: string;
}

function reproduction(plan: FuzzPlan, number: number): string {
  return `run it again: node test/fuzz/main.ts --target=${plan.target} --seed=${plan.seed} --first=${number} --cases=1`;
}

function watch(worker: Worker, progress: Int32Array, onHang: (number: number) => void): NodeJS.Timeout {
  let last = -1;
  let since = performance.now();
  return setInterval(() => {
    const number = Atomics.load(progress, 0);
    if (number !== last) {
      last = number;
      since = performance.now();
    } else if (number >= 0 && performance.now() - since > CASE_LIMIT_MILLISECONDS) {
      onHang(number);
      void worker.terminate();
    }
  }, LOOK_MILLISECONDS);
}

/**
 * Runs cases in a thread.
 *
 * @returns the number of cases
 * @throws Error that names the case in which the reader failed
 */
export async function fuzz(given: Omit<FuzzPlan, 'folder'>): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
  const plan = { ...given, folder };
  const progress = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const cases = new Int32Array(progress);
  Atomics.store(cases, 0, -1);
  const worker = new Worker(new URL('worker.ts', import.meta.url), {
    workerData: { plan, progress },
    resourceLimits: { maxOldGenerationSizeMb: 512 },
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<number>((resolve, reject) => {
      const fail = (number: number, text: string): void =>
        reject(new Error(`${plan.target}: case ${number}: ${text}\n${reproduction(plan, number)}`));
      timer = watch(worker, cases, (number) => fail(number, 'the reader does not terminate'));
      worker.on('message', (message: { failed?: Failure; cases?: number }) => {
        if (message.failed !== undefined) {
          fail(message.failed.number, `${message.failed.image}: ${message.failed.broken}`);
        } else resolve(message.cases ?? 0);
      });
      worker.on('error', (error) => fail(Atomics.load(cases, 0), error.stack ?? error.message));
      worker.on('exit', (code) => fail(Atomics.load(cases, 0), `the reader ended its thread (${code})`));
    });
  } finally {
    clearInterval(timer);
    await worker.terminate();
    rmSync(folder, { recursive: true, force: true });
  }
}
