/** Runs steps on layers, and writes the changes as a layer. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { FileImage } from '../../formats/block/file.ts';
import { UserError } from '../../formats/error/user-error.ts';
import { writeLayerFile } from '../layer/file.ts';
import type { LayerItem } from '../layer/writer.ts';
import { collectChanges, listImage } from './changes.ts';
import type { GuestEvent } from './channel.ts';
import { prepareChroot } from './chroot.ts';
import { type GuestEnd, type GuestPlan, runGuest } from './guest.ts';
import { writeImage } from './image.ts';
import { StepLog } from './log.ts';
import { checkOutcome, type GuestReport } from './outcome.ts';
import { findRunnerRoot } from './runner-root.ts';
import type { Step } from './step.ts';
import { prepareUml } from './uml.ts';

/** The two ways to run steps. Both produce the same layer. */
export type StepRunner =
  /** In a user-mode Linux kernel: an ordinary process. */
  | { readonly kind: 'uml'; readonly root: string; readonly memoryMebibytes?: number }
  /** Natively, in namespaces. Needs root. */
  | { readonly kind: 'chroot'; readonly root: string };

export interface RunOptions {
  /** Paths of layers, from the lowest to the highest. */
  readonly layers: readonly string[];
  readonly steps: readonly Step[];
  /**
   * Its `root` is a folder with unpacked Debian packages: user-mode-linux, libc6, busybox-static,
   * util-linux, libcap-ng0.
   */
  readonly runner: StepRunner;
  /** The layer to write. It exists only after all steps succeeded. */
  readonly output: string;
  /** For all steps together. */
  readonly timeLimitSeconds: number;
  /**
   * The space that the steps can fill. Unused space costs nothing, because the image is sparse.
   * Default: 8 GiB.
   */
  readonly freeMebibytes?: number;
  /**
   * Top-level folders that are an empty tmpfs while the steps run. The layer never holds them.
   * Default: run and tmp.
   */
  readonly temporaryFolders?: readonly string[];
  /**
   * Aborts the run: the guest is killed, all files are removed, and the signal's reason is thrown.
   */
  readonly signal?: AbortSignal;
  /** Receives the log: the output of the steps, and lines about them. Default: standard error. */
  readonly log?: (bytes: Uint8Array) => void;
}

export interface RunSummary {
  /** The duration of each step. */
  readonly stepMilliseconds: readonly number[];
  /** The number of entries in the layer. */
  readonly changedCount: number;
  /** The number of deletions in the layer. */
  readonly deletedCount: number;
}

export const DEFAULT_FREE_MEBIBYTES = 8192;
export const DEFAULT_MEMORY_MEBIBYTES = 1024;
export const DEFAULT_TEMPORARY_FOLDERS: readonly string[] = ['run', 'tmp'];

const MEBIBYTE = 1024 * 1024;
const DISK_FILE = 'disk.img';
const LAYER_FILE = 'output.layer.tar.zst';
/** Long enough that the output of a step never contains the mark by chance. */
const MARK_BYTES = 16;
/**
 * The first byte of the mark. It is rare in text, so little output is held back as a possible start
 * of a mark.
 */
const RECORD_SEPARATOR = '\x1e';

interface GuestRun {
  readonly report: GuestReport;
  readonly end: GuestEnd;
  readonly stepMilliseconds: readonly number[];
}

async function runInGuest(options: RunOptions, plan: GuestPlan, log: StepLog): Promise<GuestRun> {
  const { runner } = options;
  const runnerRoot = findRunnerRoot(resolve(runner.root));
  const guest =
    runner.kind === 'chroot'
      ? prepareChroot(runnerRoot, plan)
      : prepareUml({ runnerRoot, memoryMebibytes: runner.memoryMebibytes ?? DEFAULT_MEMORY_MEBIBYTES }, plan);
  let report: GuestReport = {
    isDone: false,
    failure: undefined,
    trouble: undefined,
    error: undefined,
    space: undefined,
  };
  const stepMilliseconds: number[] = [];
  let startedAt = 0;
  const onEvent = (event: GuestEvent): void => {
    switch (event.kind) {
      case 'start':
        startedAt = performance.now();
        log.begin(event.step);
        break;
      case 'exit':
        stepMilliseconds.push(performance.now() - startedAt);
        log.end(event.step, performance.now() - startedAt);
        if (event.status !== 0) report = { ...report, failure: event.status };
        break;
      case 'trouble':
        report = { ...report, trouble: event.text };
        break;
      case 'error':
        report = { ...report, error: event.text };
        break;
      case 'space':
        report = { ...report, space: event };
        break;
      case 'done':
        report = { ...report, isDone: true };
        break;
    }
  };
  const onOutput = (bytes: Uint8Array): void => log.output(bytes);
  const end = await runGuest(guest, { onOutput, onEvent }, options.timeLimitSeconds, options.signal);
  options.signal?.throwIfAborted();
  return { report, end, stepMilliseconds };
}

async function runOnImage(options: RunOptions, workingFolder: string): Promise<RunSummary> {
  const { steps, runner, freeMebibytes = DEFAULT_FREE_MEBIBYTES } = options;
  const { temporaryFolders = DEFAULT_TEMPORARY_FOLDERS } = options;
  const log = new StepLog(steps, options.log ?? ((bytes) => process.stderr.write(bytes)));
  const disk = join(workingFolder, DISK_FILE);
  const image = await writeImage(disk, options.layers, temporaryFolders, freeMebibytes * MEBIBYTE);
  options.signal?.throwIfAborted();
  const source = FileImage.open(disk);
  try {
    const before = listImage(source);
    const mark = `${RECORD_SEPARATOR}${randomBytes(MARK_BYTES).toString('hex')}`;
    const plan: GuestPlan = { steps, mark, workingFolder, diskFile: DISK_FILE, temporaryFolders };
    const { report, end, stepMilliseconds } = await runInGuest(options, plan, log);
    checkOutcome(report, end, steps, log, {
      timeLimitSeconds: options.timeLimitSeconds,
      freeMebibytes,
      memoryMebibytes:
        runner.kind === 'uml' ? (runner.memoryMebibytes ?? DEFAULT_MEMORY_MEBIBYTES) : undefined,
    });
    checkHostDisk(workingFolder);
    const items = collectChanges(source, before, image);
    await writeOutput(options.output, workingFolder, items);
    const deletedCount = items.filter(({ kind }) => kind !== 'entry').length;
    return { stepMilliseconds, changedCount: items.length - deletedCount, deletedCount };
  } finally {
    source.close();
  }
}

/**
 * Checks that the disk of the host is not full. When it is full, a loop device loses written data,
 * and only the kernel log of the host reports it.
 *
 * @throws UserError if the disk of the host is full
 */
function checkHostDisk(workingFolder: string): void {
  const { bfree, bsize } = statfsSync(workingFolder);
  if (bfree * bsize >= MEBIBYTE) return;
  throw new UserError(`${dirname(workingFolder)}: the disk is full; free some space and build again`);
}

/** Writes the layer. It gets its final name only when it is complete. */
async function writeOutput(
  output: string,
  workingFolder: string,
  items: readonly LayerItem[],
): Promise<void> {
  const layer = join(workingFolder, LAYER_FILE);
  await writeLayerFile(layer, items);
  renameSync(layer, output);
}

/**
 * Runs the steps in order on the merged layers, and writes the changes.
 *
 * All temporary files are in a folder beside the output, which is removed at the end.
 *
 * @throws UserError if a layer is damaged, a step fails, or the time limit is reached
 */
export async function runSteps(options: RunOptions): Promise<RunSummary> {
  options.signal?.throwIfAborted();
  if (options.steps.length === 0) {
    await writeLayerFile(options.output, []);
    return { stepMilliseconds: [], changedCount: 0, deletedCount: 0 };
  }
  const workingFolder = mkdtempSync(join(dirname(resolve(options.output)), '.steps-'));
  const remove = (): void => rmSync(workingFolder, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    return await runOnImage(options, workingFolder);
  } finally {
    process.removeListener('exit', remove);
    remove();
  }
}
