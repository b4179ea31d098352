/** Turns what happened in a guest into one line for people. */
import { constants } from 'node:os';
import { UserError } from '../../formats/error/user-error.ts';
import type { GuestEvent } from './channel.ts';
import type { GuestEnd } from './guest.ts';
import { describeStep, type StepLog } from './log.ts';
import type { Step } from './step.ts';

/** What the guest said. */
export interface GuestReport {
  readonly isDone: boolean;
  /** The status of the failing step. */
  readonly failure: number | undefined;
  readonly trouble: string | undefined;
  readonly error: string | undefined;
  readonly space: Extract<GuestEvent, { kind: 'space' }> | undefined;
}

export interface GuestLimits {
  readonly timeLimitSeconds: number;
  readonly freeMebibytes: number;
  /** `undefined` where the guest has the host's memory. */
  readonly memoryMebibytes: number | undefined;
}

const KERNEL_LOG_LINES = 20;
/** A file system with less than this left is full for most programs. */
const FULL_BYTES = 1024 * 1024;
const FULL_INODES = 16;
/** Shells give 128 and the signal's number for a process that a signal ended. */
const SIGNAL_STATUS = 128;

function describeStatus(status: number): string {
  const signal = Object.entries(constants.signals).find(([, number]) => number === status - SIGNAL_STATUS);
  return signal === undefined
    ? `exited with status ${status}`
    : `was ended by ${signal[0]} (status ${status})`;
}

/** Why the step may have failed, as far as it is the guest's limits. */
function describeCause(report: GuestReport, end: GuestEnd, log: StepLog, limits: GuestLimits): string {
  if (end.kernelLog.includes('I/O error')) {
    return "; its disk has input/output errors: the host's disk is full or broken";
  }
  const { space } = report;
  const isFull = space !== undefined && (space.freeBytes < FULL_BYTES || space.freeInodes < FULL_INODES);
  if (isFull || log.tail.includes('No space left on device')) {
    return (
      `; the disk that steps run on is full: it has ${limits.freeMebibytes} MiB beside the layers, ` +
      'and --free-space gives it more'
    );
  }
  if (end.kernelLog.includes('Out of memory') && limits.memoryMebibytes !== undefined) {
    return `; the ${limits.memoryMebibytes} MiB of memory that steps have are used up, and --memory gives them more`;
  }
  return '';
}

function showKernelLog(end: GuestEnd, log: StepLog): void {
  const lines = end.kernelLog.trimEnd().split('\n').slice(-KERNEL_LOG_LINES);
  log.say(
    `the last lines of the step runner's own console were:\n${lines.map((line) => `  ${line}`).join('\n')}`,
  );
}

/** The end of a guest that neither ran all steps nor had one fail. */
function describeBreakdown(report: GuestReport, end: GuestEnd, where: string): string {
  if (report.error !== undefined) return `the step runner cannot go on: ${report.error} (${where})`;
  const panic = /Kernel panic[^\n]*/.exec(end.kernelLog)?.[0];
  if (panic !== undefined) return `the step runner's kernel stopped: ${panic} (${where})`;
  const ending = end.status === undefined ? 'was killed' : `ended with status ${end.status}`;
  return `the step runner's guest ${ending} before it was done (${where}); its console says why`;
}

/**
 * @throws UserError unless all steps ran and everything they wrote is on the disk
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
      `${what} when the time limit of ${limits.timeLimitSeconds} s was over; --time-limit sets it`,
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
    throw new UserError(`the disk that the steps ran on is not sound; is the host's disk full? ${damage}`);
  }
}
