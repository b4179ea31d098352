/**
 * Runs a real Linux kernel in tests: user-mode Linux, an ordinary process, which mounts the images
 * of the writers.
 *
 * A script runs in it as root, with busybox's commands, the kernel's modules, and the real tools of
 * `@host_tools` if the test names them in its `roots`. A script can change nothing on the host
 * except the given disks.
 */
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeNewc } from '../../formats/cpio/newc.ts';
import type { GuestEvent } from '../../image/steps/channel.ts';
import { type GuestCommand, runGuest } from '../../image/steps/guest.ts';
import { assignments } from '../../image/steps/guest-script.ts';
import { initrdFile, initrdFolder, prepareKernel } from '../../image/steps/kernel.ts';
import { findRunnerRoot } from '../../image/steps/runner-root.ts';

/** A disk of the kernel: `/dev/ubda`, `/dev/ubdb`, and so on, in the order given. */
export interface TestDisk {
  /** A file; its size must be a multiple of 512 bytes. */
  readonly path: string;
  /** Whether the script may change it. */
  readonly writable?: boolean;
}

export interface KernelRun {
  readonly disks: readonly TestDisk[];
  /**
   * Lines for busybox's shell; the first that fails ends the script. `load MODULE...` loads kernel
   * modules and their dependencies, `tool NAME ARGUMENT...` runs a program of `@host_tools` (`tool
   * lvm vgs`). /tmp and /mnt exist; /mnt is a free mount point.
   */
  readonly script: string;
  /** More files for the script, by absolute path. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /**
   * Newc archives that follow the one of the run itself. The kernel unpacks them over its first
   * root file system.
   */
  readonly initramfs?: Uint8Array;
  readonly memoryMebibytes?: number;
  readonly timeLimitSeconds?: number;
}

export interface KernelResult {
  /** What the script wrote to standard output and standard error, byte by byte. */
  readonly output: Buffer;
  /** The exit status of the script. */
  readonly status: number;
  readonly kernelLog: string;
}

const MEMORY_MEBIBYTES = 256;
const TIME_LIMIT_SECONDS = 300;
const MARK = 'test-kernel-b7d0f3';
const HOST_TOOLS_VARIABLE = 'ICOS_HOST_TOOLS_ROOT';
const RUNNER_VARIABLE = 'ICOS_STEP_RUNNER_ROOT';
/** A file that every such folder contains, and that is not a symbolic link. */
const LIBRARY = 'usr/lib/x86_64-linux-gnu/libc.so.6';
const INIT = readFileSync(new URL('./init.sh', import.meta.url), 'utf8');
const FUNCTIONS = readFileSync(new URL('./functions.sh', import.meta.url), 'utf8');

function rootFolder(variable: string, label: string): string {
  const root = process.env[variable];
  if (root === undefined || root === '') {
    throw new Error(
      `this test needs ${variable}: put "${label}": "${variable}" into its roots, and run it with tools/bazel test`,
    );
  }
  // For a test, the folder contains links to the files. The kernel needs the folder that the links
  // point into.
  const library = realpathSync(join(root, LIBRARY));
  return library.slice(0, -LIBRARY.length - 1);
}

/** Returns the parent directories of the files, each once, parents first. */
function foldersOf(paths: readonly string[]): string[] {
  const folders = new Set('bin dev lib mnt proc run runner sys tmp tools etc'.split(' '));
  for (const path of paths) {
    const components = path.slice(1).split('/');
    for (let length = 1; length < components.length; length++) {
      folders.add(components.slice(0, length).join('/'));
    }
  }
  return [...folders].sort();
}

/** Returns the script of the first process. Both arguments are folders of the host. */
function initScript(runner: string, tools: string | undefined): string {
  const variables = assignments({ MARK, RUNNER: runner, TOOLS: tools ?? '' });
  return `#!/bin/busybox sh\n${variables}${INIT}`;
}

/**
 * Builds the first archive of the initial RAM file system: busybox, the scripts and the files of
 * the run.
 */
function initrd(run: KernelRun, busybox: string, script: string): Uint8Array[] {
  const files = Object.entries(run.files ?? {});
  return [
    ...writeNewc([
      ...foldersOf(files.map(([path]) => path)).map(initrdFolder),
      initrdFile('/bin/busybox', 0o755, readFileSync(busybox)),
      initrdFile('/init', 0o755, script),
      initrdFile('/functions', 0o644, FUNCTIONS),
      initrdFile('/script', 0o644, run.script),
      ...files.map(([path, content]) => initrdFile(path, 0o755, content)),
    ]),
  ];
}

async function boot(run: KernelRun, kernel: Omit<GuestCommand, 'mark'>): Promise<KernelResult> {
  const output: Uint8Array[] = [];
  let status: number | undefined;
  const observer = {
    onOutput: (bytes: Uint8Array) => output.push(Buffer.from(bytes)),
    onEvent: (event: GuestEvent) => {
      if (event.kind === 'exit') status = event.status;
    },
  };
  const timeLimitSeconds = run.timeLimitSeconds ?? TIME_LIMIT_SECONDS;
  const end = await runGuest({ ...kernel, mark: MARK }, observer, timeLimitSeconds, undefined);
  if (status === undefined) {
    const shown = Buffer.concat(output).toString();
    throw new Error(`the kernel ended early (${end.cause}):\n${shown}\n${end.kernelLog}`);
  }
  return { output: Buffer.concat(output), status, kernelLog: end.kernelLog };
}

/**
 * Starts a kernel, runs the script in it and waits for its end. If the script fails, only the
 * returned status reports it.
 *
 * @throws Error if the kernel does not start, dies, or takes longer than the limit
 */
export async function runInKernel(run: KernelRun): Promise<KernelResult> {
  const runnerFolder = rootFolder(RUNNER_VARIABLE, '@step_runner//:root');
  const tools = process.env[HOST_TOOLS_VARIABLE];
  const toolsFolder =
    tools === undefined || tools === '' ? undefined : rootFolder(HOST_TOOLS_VARIABLE, '@host_tools//:root');
  const runnerRoot = findRunnerRoot(runnerFolder);
  const workingFolder = mkdtempSync(join(tmpdir(), 'kernel-'));
  try {
    const archives = initrd(run, runnerRoot.busybox, initScript(runnerFolder, toolsFolder));
    const kernel = prepareKernel({
      runnerRoot,
      workingFolder,
      memoryMebibytes: run.memoryMebibytes ?? MEMORY_MEBIBYTES,
      initrd: Buffer.concat([...archives, run.initramfs ?? new Uint8Array(0)]),
      name: 'test',
      disks: run.disks.map(
        ({ path, writable }, index) => `ubd${index}${writable === true ? '' : 'r'}=${path}`,
      ),
    });
    return await boot(run, kernel);
  } finally {
    rmSync(workingFolder, { recursive: true, force: true });
  }
}
