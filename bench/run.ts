/** Runs the commands of one measurement, and adds up their time and memory. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** A program with its arguments, its environment and its input. */
export interface Command {
  /** The program's name, for error messages. */
  readonly name: string;
  readonly argv: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** A file that the program reads from its standard input. */
  readonly stdin?: string;
}

/** The time and memory of a measurement. */
export interface Usage {
  readonly wallSeconds: number;
  /** User and system time of all processes and threads. */
  readonly cpuSeconds: number;
  /** The peak memory of the largest process. */
  readonly peakBytes: number;
}

export const NO_USAGE: Usage = { wallSeconds: 0, cpuSeconds: 0, peakBytes: 0 };

/** Combines the usages of two measurements that ran one after the other. */
export function inSequence(first: Usage, second: Usage): Usage {
  return {
    wallSeconds: first.wallSeconds + second.wallSeconds,
    cpuSeconds: first.cpuSeconds + second.cpuSeconds,
    peakBytes: Math.max(first.peakBytes, second.peakBytes),
  };
}

/**
 * Replaces the caller's environment, because options in variables would change the measurement. In
 * the C locale, mke2fs rejects a tar that contains a name outside of ASCII.
 */
const ENVIRONMENT = { LC_ALL: 'C.UTF-8', PATH: '/usr/bin:/bin', TZ: 'UTC' };

/**
 * The format of GNU time that {@link reported} reads. Its figures, from wait4, count all threads
 * and reaped children.
 */
const TIME_FORMAT = '%U %S %M';
const KIBIBYTE = 1024;

function reported(report: string): { readonly cpuSeconds: number; readonly peakBytes: number } {
  const lastLine = readFileSync(report, 'utf8').trim().split('\n').at(-1) ?? '';
  const [userSeconds = Number.NaN, systemSeconds = Number.NaN, peakKib = Number.NaN] = lastLine
    .split(' ')
    .map(Number);
  return { cpuSeconds: userSeconds + systemSeconds, peakBytes: peakKib * KIBIBYTE };
}

const LAST_LINES = 4;

function failure(command: Command, log: string, reason: string): Error {
  const lines = readFileSync(log, 'utf8').trim().split('\n').slice(-LAST_LINES);
  return new Error(`${command.name}: ${reason}: ${lines.join(' / ')}`);
}

/** A daemon that runs while the commands of a measurement run. */
export interface Daemon {
  /** Returns its standard output so far. */
  output(): string;
  readonly process: ChildProcess;
  readonly command: Command;
  readonly report: string;
}

/** One measurement in its own directory: its commands run one after another. */
export class Run {
  readonly folder: string;
  readonly #time: readonly string[];
  readonly #log: string;
  #usage: Usage = NO_USAGE;

  /** @param time the command line of GNU time */
  constructor(folder: string, time: readonly string[]) {
    this.folder = folder;
    this.#time = time;
    this.#log = join(folder, 'log');
  }

  /** Returns the path of a file or a directory of this measurement. */
  path(name: string): string {
    return join(this.folder, name);
  }

  /** The time and memory of all commands so far. */
  get usage(): Usage {
    return this.#usage;
  }

  /** The standard output and standard error of the last command. */
  get lastOutput(): string {
    return readFileSync(this.#log, 'utf8');
  }

  /** Runs a command to its end and measures it. */
  timed(command: Command): void {
    const report = this.path('time');
    const startMs = performance.now();
    this.#runToEnd(command, [...this.#time, '-f', TIME_FORMAT, '-o', report, ...command.argv]);
    const wallSeconds = (performance.now() - startMs) / 1000;
    this.#usage = inSequence(this.#usage, { wallSeconds, ...reported(report) });
    rmSync(report);
  }

  /** Runs a command to its end without measuring it, and returns its output. */
  untimed(command: Command): string {
    this.#runToEnd(command, command.argv);
    return this.lastOutput;
  }

  #runToEnd(command: Command, argv: readonly string[]): void {
    const [program = '', ...rest] = argv;
    const log = openSync(this.#log, 'w');
    const input = command.stdin === undefined ? undefined : openSync(command.stdin, 'r');
    const { status, signal, error } = spawnSync(program, rest, {
      cwd: this.folder,
      env: { ...ENVIRONMENT, ...command.environment },
      stdio: [input ?? 'ignore', log, log],
    });
    closeSync(log);
    if (input !== undefined) closeSync(input);
    if (error !== undefined) throw new Error(`${command.name}: ${error.message}`);
    if (status !== 0) throw failure(command, this.#log, `exits with ${status ?? signal}`);
  }

  /** Starts a daemon and waits for its first line of output. The time until then is measured. */
  async startTimed(command: Command): Promise<Daemon> {
    const report = this.path('time.daemon');
    const log = this.path('log.daemon');
    const startMs = performance.now();
    const [program = '', ...rest] = [...this.#time, '-f', TIME_FORMAT, '-o', report, ...command.argv];
    const process = spawn(program, rest, {
      cwd: this.folder,
      env: { ...ENVIRONMENT, ...command.environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    process.stdout.setEncoding('utf8');
    for await (const text of process.stdout.iterator({ destroyOnReturn: false })) {
      said += String(text);
      if (said.includes('\n')) break;
    }
    if (!said.includes('\n'))
      throw new Error(`${command.name}: ends before its first line of output (see ${log})`);
    const wallSeconds = (performance.now() - startMs) / 1000;
    this.#usage = inSequence(this.#usage, { ...NO_USAGE, wallSeconds });
    return { output: () => said, process, command, report };
  }

  /** Ends a daemon by a signal to the process `processId`, and adds its time and memory. */
  async stopTimed(daemon: Daemon, processId: number): Promise<void> {
    const startMs = performance.now();
    const ended = once(daemon.process, 'close');
    process.kill(processId, 'SIGHUP');
    await ended;
    const wallSeconds = (performance.now() - startMs) / 1000;
    this.#usage = inSequence(this.#usage, { wallSeconds, ...reported(daemon.report) });
    rmSync(daemon.report);
  }
}
