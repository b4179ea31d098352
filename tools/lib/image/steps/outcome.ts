/** Decides whether a run succeeded. Describes a failure in one line. */
import { constants } from 'node:os';
import { UserError } from '../../formats/error/user-error.ts';
import type { GuestEvent } from './channel.ts';
import type { GuestEnd } from './guest.ts';
import { describeStep, type StepLog } from './log.ts';
import type { Step } from './step.ts';

/** A summary of the guest's messages. */
export interface GuestReport {
  readonly isDone: boolean;
  /** The status of the step that failed. */
  readonly failure: number | undefined;
  readonly trouble: string | undefined;
  readonly error: string | undefined;
  readonly space: Extract<GuestEvent, { kind: 'space' }> | undefined;
}

export interface GuestLimits {
  readonly timeLimitSeconds: number;
  readonly freeMebibytes: number;
  /** `undefined` if the guest uses the memory of the host. */
  readonly memoryMebibytes: number | undefined;
}

const KERNEL_LOG_LINES = 20;
/** With less free space than this, a file system is full for most programs. */
const FULL_BYTES = 1024 * 1024;
const FULL_INODES = 16;
/** For a process that a signal ended, shells report 128 plus the number of the signal. */
const SIGNAL_STATUS = 128;

function describeStatus(status: number): string {
  const signal = Object.entries(constants.signals).find(([, number]) => number === status - SIGNAL_STATUS);
  return signal === undefined
    ? `exited with status ${status}`
    : `was ended by ${signal[0]} (status ${status})`;
}

/** Names the limit of the guest that may have made the step fail; empty if none is known. */
function describeCause(report: GuestReport, end: GuestEnd, log: StepLog, limits: GuestLimits): string {
  if (end.kernelLog.includes('I/O error')) {
    return '; its disk has input/output errors: the disk of the host is full or broken';
  }
  const { space } = report;
  const isFull = space !== undefined && (space.freeBytes < FULL_BYTES || space.freeInodes < FULL_INODES);
  if (isFull || log.tail.includes('No space left on device')) {
    return (
      `; the disk that the steps run on is full: it has ${limits.freeMebibytes} MiB in addition to the layers; ` +
      'set more with --free-space'
    );
  }
  if (end.kernelLog.includes('Out of memory') && limits.memoryMebibytes !== undefined) {
    return `; the ${limits.memoryMebibytes} MiB of memory of the steps are used up; set more with --memory`;
  }
  return '';
}

function showKernelLog(end: GuestEnd, log: StepLog): void {
  const lines = end.kernelLog.trimEnd().split('\n').slice(-KERNEL_LOG_LINES);
  log.say(
    `the last lines of the step runner's console were:\n${lines.map((line) => `  ${line}`).join('\n')}`,
  );
}

/** Describes the end of a guest that neither ran all steps nor reported a step that failed. */
function describeBreakdown(report: GuestReport, end: GuestEnd, where: string): string {
  if (report.error !== undefined) return `the step runner cannot continue: ${report.error} (${where})`;
  const panic = /Kernel panic[^\n]*/.exec(end.kernelLog)?.[0];
  if (panic !== undefined) return `the step runner's kernel stopped: ${panic} (${where})`;
  const ending = end.status === undefined ? 'was killed' : `ended with status ${end.status}`;
  return `the step runner's guest ${ending} before it finished (${where}); its console above says why`;
}

/**
 * Checks the end of a run.
 *
 * @throws UserError unless all steps ran and everything that they wrote is on the disk
 */
export function checkOutcome(
  report: GuestReport,
  end: GuestEnd,
  steps: readonly Step[],
  log: StepLog,
  limits: GuestLimits,
): void {
  const where = log.current === undefined ? 'before the first step' : describeStep(steps, log.current);
  if (end.cause === 'time limit') {
    log.explainFailure();
    const what = log.current === undefined ? 'the step runner was starting' : `${where} was running`;
    throw new UserError(
      `${what} when it reached the time limit of ${limits.timeLimitSeconds} s; set another with --time-limit`,
    );
  }
  if (report.failure !== undefined) {
    log.explainFailure();
    const reason =
      report.trouble === undefined ? describeStatus(report.failure) : `cannot start: ${report.trouble}`;
    throw new UserError(`${where} ${reason}${describeCause(report, end, log, limits)}`);
  }
  if (!report.isDone || report.error !== undefined) {
    showKernelLog(end, log);
    throw new UserError(describeBreakdown(report, end, where));
  }
  const damage = /(EXT4-fs error|I\/O error)[^\n]*/.exec(end.kernelLog)?.[0];
  if (damage !== undefined) {
    showKernelLog(end, log);
    throw new UserError(`the disk that the steps ran on has errors; is the disk of the host full? ${damage}`);
  }
}
