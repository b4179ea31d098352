/**
 * Runs work on other threads, from source files and from the single file of a bundled tool.
 *
 * A module defines its tasks at its top level. To run one, a worker thread loads the same module
 * (in a bundle, the bundle). In the worker, the definition answers calls, and `runTool` does
 * nothing. A module with tasks must therefore have no other effects when it is loaded. The result
 * of a task must depend only on its input, never on which worker runs it or when.
 */

import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, type Transferable, Worker, workerData } from 'node:worker_threads';
import { type Failure, failureOf, failureToError } from './failure.ts';

/**
 * The key of the task's name in `workerData`. It identifies our workers, because test runners have
 * threads too.
 */
const TASK_KEY = 'icosTask';

/**
 * More workers gain nothing when the disk or the memory is the limit, and each needs about 15 MiB.
 */
const MAXIMUM_WORKERS = 4;

/** A result whose memory is moved to the caller instead of being copied. */
export class Transferred<Output> {
  readonly output: Output;
  readonly list: readonly Transferable[];

  constructor(output: Output, list: readonly Transferable[]) {
    this.output = output;
    this.list = list;
  }
}

type Result<Output> = Output | Transferred<Output>;
/** Receives a structured clone of the input, in which shared memory stays shared. */
export type TaskHandler<Input, Output> = (input: Input) => Result<Output> | Promise<Result<Output>>;

/** Work that another thread can do. */
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

/**
 * Whether this thread is a worker of a {@link TaskPool}, where a tool's main function must not run.
 */
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
 * Defines a task. Call it at the top level of a module.
 *
 * @param moduleUrl the module's `import.meta.url`
 * @param name a name that no other task of the tool has
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

/** Returns the useful number of threads: the number of processors, up to a maximum. */
export function workerCount(maximum = MAXIMUM_WORKERS): number {
  return Math.max(1, Math.min(availableParallelism(), maximum));
}

interface Pending {
  readonly call: Call;
  readonly transfer: readonly Transferable[];
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Runs one task on worker threads. A call that finds no idle thread starts one, up to the size of
 * the pool.
 */
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

  /** The number of calls that run at once. Further calls wait. */
  get size(): number {
    return this.#size;
  }

  /**
   * Runs the task on a worker. The caller limits the number of waiting inputs.
   *
   * @param transfer memory of `input` that is moved to the worker instead of being copied
   * @throws the error of the task; a `UserError` keeps its class
   */
  run(input: Input, transfer: readonly Transferable[] = []): Promise<Output> {
    if (this.#isClosed) throw new Error(`the workers of ${this.#task.name} have ended`);
    return new Promise<Output>((resolve, reject) => {
      const call = { id: this.#nextId++, input };
      this.#waiting.push({ call, transfer, resolve: resolve as (output: unknown) => void, reject });
      this.#dispatch();
    });
  }

  /** Ends all workers. Calls that still wait or run are rejected. */
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
    // A pool that was not closed, for example because of an error, does not keep the process alive.
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
