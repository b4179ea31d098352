/**
 * Work on other threads, from sources as they stand and from the single file that a tool is bundled into.
 *
 * A module defines its tasks at its top level. To run one, a worker thread is started on that same module, which in a bundle is the
 * bundle; there the definition answers calls instead, and `runTool` does nothing. So a module with tasks has no other
 * effects when it is loaded. What a task returns must depend on its input alone, never on which worker runs it or when.
 */

import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, type Transferable, Worker, workerData } from 'node:worker_threads';
import { type Failure, failureOf, failureToError } from './failure.ts';

/** Says in `workerData` that a thread is one of ours, and which task it is for. Test runners have threads of their own. */
const TASK_KEY = 'icosTask';

/** More workers than this gain nothing where the disk or the memory is the limit, and each costs some 15 MiB. */
const MAXIMUM_WORKERS = 4;

/** A result with memory that goes to the caller instead of being copied. */
export class Transferred<Output> {
  readonly output: Output;
  readonly list: readonly Transferable[];

  constructor(output: Output, list: readonly Transferable[]) {
    this.output = output;
    this.list = list;
  }
}

type Result<Output> = Output | Transferred<Output>;
/** The input comes as structured clone makes it; shared memory stays shared. */
export type TaskHandler<Input, Output> = (input: Input) => Result<Output> | Promise<Result<Output>>;

/** Work that can be done on another thread. */
export interface Task<Input, Output> {
  readonly moduleUrl: string;
  readonly name: string;
  readonly handler: TaskHandler<Input, Output>;
}

interface Call {
  readonly id: number;
  readonly input: unknown;
}
type Reply =
  | { readonly id: number; readonly output: unknown }
  | { readonly id: number; readonly failure: Failure };

function servedTask(): unknown {
  if (isMainThread || typeof workerData !== 'object' || workerData === null) return undefined;
  return (workerData as Readonly<Record<string, unknown>>)[TASK_KEY];
}

/** Whether this thread is a worker of a {@link TaskPool}, where a tool's main function must not run. */
export function isTaskWorker(): boolean {
  return servedTask() !== undefined;
}

async function answer({ id, input }: Call, handler: TaskHandler<unknown, unknown>): Promise<void> {
  try {
    const result = await handler(input);
    const { output, list } = result instanceof Transferred ? result : { output: result, list: [] };
    parentPort?.postMessage({ id, output } satisfies Reply, list);
  } catch (error) {
    parentPort?.postMessage({ id, failure: failureOf(error) } satisfies Reply);
  }
}

/**
 * Defines a task; to be called at the top level of a module.
 *
 * @param moduleUrl the module's `import.meta.url`
 * @param name of no other task in the tool
 */
export function defineTask<Input, Output>(
  moduleUrl: string,
  name: string,
  handler: TaskHandler<Input, Output>,
): Task<Input, Output> {
  if (servedTask() === name) {
    parentPort?.on('message', (call: Call) => void answer(call, handler as TaskHandler<unknown, unknown>));
  }
  return { moduleUrl, name, handler };
}

/** How many threads are worth having: as many as processors, within a bound. */
export function workerCount(maximum = MAXIMUM_WORKERS): number {
  return Math.max(1, Math.min(availableParallelism(), maximum));
}

interface Pending {
  readonly call: Call;
  readonly transfer: readonly Transferable[];
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Worker threads for one task. Threads are started as calls come, one for each call that finds none idle. */
export class TaskPool<Input, Output> {
  readonly #task: Task<Input, Output>;
  readonly #size: number;
  readonly #workers = new Map<Worker, Pending | undefined>();
  readonly #waiting: Pending[] = [];
  #nextId = 0;
  #isClosed = false;

  constructor(task: Task<Input, Output>, workers = workerCount()) {
    this.#task = task;
    this.#size = workers;
  }

  /** How many calls run at once; further ones wait for their turn. */
  get size(): number {
    return this.#size;
  }

  /**
   * Runs the task on a worker. The caller bounds how many inputs are waiting.
   *
   * @param transfer memory of `input` that goes to the worker instead of being copied
   * @throws what the task throws, a `UserError` as one
   */
  run(input: Input, transfer: readonly Transferable[] = []): Promise<Output> {
    if (this.#isClosed) throw new Error(`the workers of ${this.#task.name} have ended`);
    return new Promise<Output>((resolve, reject) => {
      const call = { id: this.#nextId++, input };
      this.#waiting.push({ call, transfer, resolve: resolve as (output: unknown) => void, reject });
      this.#dispatch();
    });
  }

  /** Ends all workers; calls that still wait or run fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const closed = new Error(`the workers of ${this.#task.name} have ended`);
    for (const pending of [...this.#waiting.splice(0), ...this.#workers.values()]) pending?.reject(closed);
    const workers = [...this.#workers.keys()];
    this.#workers.clear();
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  #dispatch(): void {
    for (;;) {
      if (this.#waiting.length === 0) return;
      const worker = this.#idleWorker();
      if (worker === undefined) return;
      const pending = this.#waiting.shift() as Pending;
      try {
        worker.postMessage(pending.call, pending.transfer);
      } catch (error) {
        pending.reject(error);
        continue;
      }
      this.#workers.set(worker, pending);
      worker.ref();
    }
  }

  #idleWorker(): Worker | undefined {
    for (const [worker, pending] of this.#workers) if (pending === undefined) return worker;
    if (this.#workers.size === this.#size) return undefined;
    const worker = new Worker(new URL(this.#task.moduleUrl), { workerData: { [TASK_KEY]: this.#task.name } });
    // A pool that nobody closed, for an error for example, does not keep the process.
    worker.unref();
    worker.on('message', (reply: Reply) => this.#take(worker, reply));
    worker.on('error', (error) => this.#drop(worker, error));
    worker.on('exit', () => this.#drop(worker, new Error(`a worker of ${this.#task.name} ended by itself`)));
    this.#workers.set(worker, undefined);
    return worker;
  }

  #take(worker: Worker, reply: Reply): void {
    const pending = this.#workers.get(worker);
    if (pending === undefined) return;
    this.#workers.set(worker, undefined);
    worker.unref();
    if ('failure' in reply) pending.reject(failureToError(reply.failure));
    else pending.resolve(reply.output);
    this.#dispatch();
  }

  #drop(worker: Worker, reason: unknown): void {
    if (!this.#workers.has(worker)) return;
    const pending = this.#workers.get(worker);
    this.#workers.delete(worker);
    pending?.reject(reason);
    this.#dispatch();
  }
}
