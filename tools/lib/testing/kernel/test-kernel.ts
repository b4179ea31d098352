/**
 * A real Linux kernel for tests: user-mode Linux, an ordinary process, which mounts what the writers wrote.
 *
 * A script runs in it as root, with busybox's commands, the kernel's modules, and the real tools of `@host_tools` where the test names
 * them in its `roots`. Nothing of the host can be changed from inside but the disks that are given.
 */
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CpioMember, writeNewc } from '../../formats/cpio/newc.ts';
import { type Entry, NO_XATTRS } from '../../formats/entry/entry.ts';
import type { GuestEvent } from '../../image/steps/channel.ts';
import { runGuest } from '../../image/steps/guest.ts';
import { assignments } from '../../image/steps/guest-script.ts';
import { withInterpreter } from '../../image/steps/interpreter.ts';
import { chooseMemoryFolder } from '../../image/steps/memory-folder.ts';
import { findRunnerRoot, tiedToRunner } from '../../image/steps/runner-root.ts';

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
   * Lines of busybox's shell, ended by the first that fails. `load MODULE...` loads kernel modules with what they need, `tool NAME
   * ARGUMENT...` runs a program of `@host_tools` (`tool lvm vgs`). /tmp and /mnt are there, /mnt to mount on.
   */
  readonly script: string;
  /** More files for the script, by absolute path. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Newc archives that the kernel unpacks over its own first root file system, behind each other as initramfs allows. */
  readonly initramfs?: Uint8Array;
  readonly memoryMebibytes?: number;
  readonly timeLimitSeconds?: number;
}

export interface KernelResult {
  /** What the script wrote to both outputs; bytes that are not UTF-8 as Latin-1 has them when it is decoded so. */
  readonly output: Buffer;
  /** The exit status of the script. */
  readonly status: number;
  readonly kernelLog: string;
}

const MEBIBYTE = 1024 * 1024;
const MEMORY_MEBIBYTES = 256;
const MEMORY_SLACK_BYTES = 16 * MEBIBYTE;
const TIME_LIMIT_SECONDS = 300;
const MARK = 'test-kernel-b7d0f3';
const HOST_TOOLS_VARIABLE = 'ICOS_HOST_TOOLS_ROOT';
const RUNNER_VARIABLE = 'ICOS_STEP_RUNNER_ROOT';
/** A file that every such folder has, and that is no link there. */
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
  // A test sees a folder of links to the files; the kernel has to see the folder that they lead into.
  const library = realpathSync(join(root, LIBRARY));
  return library.slice(0, -LIBRARY.length - 1);
}

function member(path: string, mode: number, content: string | Uint8Array): CpioMember {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const common = { path: path.slice(1), mode, uid: 0, gid: 0, xattrs: NO_XATTRS };
  const entry: Entry = { ...common, type: 'file', sizeBytes: bytes.length };
  return { entry, content: bytes };
}

function folder(path: string): CpioMember {
  const entry: Entry = { type: 'directory', path, mode: 0o755, uid: 0, gid: 0, xattrs: NO_XATTRS };
  return { entry, content: new Uint8Array(0) };
}

/** The folders above the files, each once, from the top. */
function foldersOf(paths: readonly string[]): string[] {
  const folders = new Set([
    'bin',
    'dev',
    'lib',
    'mnt',
    'proc',
    'run',
    'runner',
    'sys',
    'tmp',
    'tools',
    'etc',
  ]);
  for (const path of paths) {
    const components = path.slice(1).split('/');
    for (let length = 1; length < components.length; length++) {
      folders.add(components.slice(0, length).join('/'));
    }
  }
  return [...folders].sort();
}

/** The first process. Both arguments are folders of the host. */
function initScript(runner: string, tools: string | undefined): string {
  const variables = assignments({ MARK, RUNNER: runner, TOOLS: tools ?? '' });
  return `#!/bin/busybox sh\n${variables}${INIT}`;
}

/**
 * Starts a kernel, runs the script in it and waits for its end.
 *
 * @throws Error where the kernel does not start, dies, or takes longer than the limit; a script that fails is a status
 */
export async function runInKernel(run: KernelRun): Promise<KernelResult> {
  const runnerFolder = rootFolder(RUNNER_VARIABLE, '@step_runner//:root');
  const tools = process.env[HOST_TOOLS_VARIABLE];
  const toolsFolder =
    tools === undefined || tools === '' ? undefined : rootFolder(HOST_TOOLS_VARIABLE, '@host_tools//:root');
  const runner = findRunnerRoot(runnerFolder);
  const workingFolder = mkdtempSync(join(tmpdir(), 'kernel-'));
  try {
    const files = Object.entries(run.files ?? {});
    const initrd = [
      ...foldersOf(files.map(([path]) => path)).map(folder),
      member('/bin/busybox', 0o755, readFileSync(runner.busybox)),
      member('/init', 0o755, initScript(runnerFolder, toolsFolder)),
      member('/functions', 0o644, FUNCTIONS),
      member('/script', 0o644, run.script),
      ...files.map(([path, content]) => member(path, 0o755, content)),
    ];
    const own = [...writeNewc(initrd)];
    writeFileSync(join(workingFolder, 'initrd'), Buffer.concat([...own, run.initramfs ?? new Uint8Array(0)]));
    const kernel = withInterpreter(readFileSync(runner.kernel), 'ld.so', runner.kernel);
    writeFileSync(join(workingFolder, 'linux'), kernel, { mode: 0o755 });
    symlinkSync(runner.loader, join(workingFolder, 'ld.so'));
    mkdirSync(join(workingFolder, 'uml'));
    return await boot(run, workingFolder, runner);
  } finally {
    rmSync(workingFolder, { recursive: true, force: true });
  }
}

async function boot(
  run: KernelRun,
  workingFolder: string,
  runner: ReturnType<typeof findRunnerRoot>,
): Promise<KernelResult> {
  const { disks, memoryMebibytes = MEMORY_MEBIBYTES, timeLimitSeconds = TIME_LIMIT_SECONDS } = run;
  const output: Uint8Array[] = [];
  let status: number | undefined;
  const command = {
    ...tiedToRunner(runner, [
      './linux',
      `mem=${memoryMebibytes}M`,
      'initrd=initrd',
      ...disks.map(({ path, writable }, index) => `ubd${index}${writable === true ? '' : 'r'}=${path}`),
      'uml_dir=uml/',
      'umid=test',
      'con=null',
      'con0=null,fd:1',
      'ssl=null',
      'ssl0=null,fd:3',
      'seccomp=auto',
      'lsm=capability',
      'panic=-1',
      'noreboot',
    ]),
    env: {
      LD_LIBRARY_PATH: runner.libraryFolder,
      TMPDIR: chooseMemoryFolder(memoryMebibytes * MEBIBYTE + MEMORY_SLACK_BYTES, workingFolder),
    },
    workingFolder,
    mark: MARK,
  };
  const observer = {
    onOutput: (bytes: Uint8Array) => output.push(Buffer.from(bytes)),
    onEvent: (event: GuestEvent) => {
      if (event.kind === 'exit') status = event.status;
    },
  };
  const end = await runGuest(command, observer, timeLimitSeconds, undefined);
  if (status === undefined) {
    const shown = Buffer.concat(output).toString();
    throw new Error(`the kernel ended early (${end.cause}):\n${shown}\n${end.kernelLog}`);
  }
  return { output: Buffer.concat(output), status, kernelLog: end.kernelLog };
}
