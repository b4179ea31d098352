/** Runs a guest: a process that reports its progress through a pipe. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { GuestChannel, type GuestEvent } from './channel.ts';
import type { Step } from './step.ts';

/** The work of a guest. */
export interface GuestPlan {
  readonly steps: readonly Step[];
  /** Begins each message of the guest in the channel. */
  readonly mark: string;
  /**
   * The absolute path of a folder for everything that the guest needs. It contains only the image.
   */
  readonly workingFolder: string;
  /** The image's name in {@link workingFolder}. */
  readonly diskFile: string;
  /** Root-relative folders that are an empty tmpfs while the steps run. */
  readonly temporaryFolders: readonly string[];
}

/** The command that starts a guest. */
export interface GuestCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingFolder: string;
  readonly mark: string;
}

export interface GuestObserver {
  onOutput(bytes: Uint8Array): void;
  onEvent(event: GuestEvent): void;
}

/** How a guest ended. */
export interface GuestEnd {
  readonly cause: 'exit' | 'time limit' | 'aborted';
  /** The exit status of the guest's process; `undefined` if a signal ended it. */
  readonly status: number | undefined;
  /** The end of the output of the guest's kernel, without the output of the steps. */
  readonly kernelLog: string;
}

const KERNEL_LOG_CHARACTERS = 64 * 1024;
/**
 * The file descriptors 0 to 3 of the guest's process: no input, the console twice, and the channel.
 */
const STDIO = ['ignore', 'pipe', 'pipe', 'pipe'] as const;
const CHANNEL = 3;

/** Kills the guest with all its processes, which form their own process group. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // All of them have ended already.
  }
}

/**
 * Runs a guest until it ends, reaches its time limit, or is aborted by `signal`. None of its
 * processes is left running.
 *
 * @throws the error of the operating system if the process cannot be started
 */
export async function runGuest(
  guest: GuestCommand,
  observer: GuestObserver,
  timeLimitSeconds: number,
  signal: AbortSignal | undefined,
): Promise<GuestEnd> {
  let kernelLog = '';
  let cause: GuestEnd['cause'] = 'exit';
  let failure: unknown;
  const child = spawn(guest.command, guest.args, {
    cwd: guest.workingFolder,
    env: guest.env,
    stdio: [...STDIO],
    detached: true,
  });
  const end = (reason: GuestEnd['cause']): void => {
    cause = reason;
    killGroup(child);
  };
  const keepLog = (bytes: Buffer): void => {
    kernelLog = (kernelLog + bytes.toString('latin1')).slice(-KERNEL_LOG_CHARACTERS);
  };
  const channel = new GuestChannel(guest.mark, observer.onOutput, observer.onEvent);
  const onAbort = (): void => end('aborted');
  const onExit = (): void => killGroup(child);
  const timer = setTimeout(() => end('time limit'), timeLimitSeconds * 1000);
  signal?.addEventListener('abort', onAbort);
  process.once('exit', onExit);
  child.stdout?.on('data', keepLog);
  child.stderr?.on('data', keepLog);
  (child.stdio[CHANNEL] as Readable).on('data', (bytes: Buffer) => {
    try {
      channel.push(bytes);
    } catch (error) {
      failure = error;
      killGroup(child);
    }
  });
  if (signal?.aborted === true) onAbort();
  try {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      child.once('error', reject);
      // The first process of the guest may end before its helpers do.
      child.once('exit', () => killGroup(child));
      child.once('close', (code) => resolve(code ?? undefined));
    });
    if (failure !== undefined) throw failure;
    channel.end();
    return { cause, status, kernelLog };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    process.removeListener('exit', onExit);
  }
}
