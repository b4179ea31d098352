/** Prepares user-mode Linux: a Linux kernel that runs as an ordinary process. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CpioMember } from '../../formats/cpio/newc.ts';
import { type Entry, NO_XATTRS } from '../../formats/entry/entry.ts';
import type { GuestCommand } from './guest.ts';
import { withInterpreter } from './interpreter.ts';
import { chooseMemoryFolder } from './memory-folder.ts';
import { type RunnerRoot, tiedToRunner } from './runner-root.ts';

const MEBIBYTE = 1024 * 1024;
/**
 * The free space that the kernel needs in the folder of the guest's memory, in addition to that
 * memory.
 */
const MEMORY_SLACK_BYTES = 16 * MEBIBYTE;

/**
 * Names of files in the working folder. They are short and relative, because socket paths and
 * kernel command lines have a maximum length.
 */
const FILES = { kernel: 'linux', initrd: 'initrd.cpio', kernelFolder: 'uml', loader: 'ld.so' };

export interface KernelOptions {
  readonly runnerRoot: RunnerRoot;
  readonly workingFolder: string;
  readonly memoryMebibytes: number;
  /** The initial RAM file system: one or more newc archives. */
  readonly initrd: Uint8Array;
  /** The name of this kernel instance, `umid`. */
  readonly name: string;
  /** The arguments that give the kernel its disks, such as `ubd0=disk.img`. */
  readonly disks: readonly string[];
  readonly moreArguments?: readonly string[];
}

/** A file of the initial RAM file system, at an absolute path. */
export function initrdFile(path: string, mode: number, content: string | Uint8Array): CpioMember {
  const bytes = Buffer.from(content);
  const common = { path: path.slice(1), mode, uid: 0, gid: 0, xattrs: NO_XATTRS };
  const entry: Entry = { ...common, type: 'file', sizeBytes: bytes.length };
  return { entry, content: bytes };
}

/** A directory of the initial RAM file system, at a path without a leading slash. */
export function initrdFolder(path: string): CpioMember {
  const entry: Entry = { type: 'directory', path, mode: 0o755, uid: 0, gid: 0, xattrs: NO_XATTRS };
  return { entry, content: new Uint8Array(0) };
}

/**
 * The command line: no network, the console on file descriptor 1, serial line 0 on file descriptor
 * 3.
 */
function kernelArguments(options: KernelOptions): string[] {
  return [
    `mem=${options.memoryMebibytes}M`,
    `initrd=${FILES.initrd}`,
    ...options.disks,
    `uml_dir=${FILES.kernelFolder}/`,
    `umid=${options.name}`,
    'con=null',
    'con0=null,fd:1',
    'ssl=null',
    'ssl0=null,fd:3',
    // Seccomp intercepts system calls more than twice as fast as ptrace, if the host allows it.
    'seccomp=auto',
    ...(options.moreArguments ?? []),
    // No security module labels the files that the guest writes.
    'lsm=capability',
    'panic=-1',
    'noreboot',
  ];
}

/**
 * Writes everything that the kernel needs to the working folder, and returns the command that
 * starts it.
 */
export function prepareKernel(options: KernelOptions): Omit<GuestCommand, 'mark'> {
  const { runnerRoot, workingFolder, memoryMebibytes } = options;
  writeFileSync(join(workingFolder, FILES.initrd), options.initrd);
  const kernel = withInterpreter(readFileSync(runnerRoot.kernel), FILES.loader, runnerRoot.kernel);
  writeFileSync(join(workingFolder, FILES.kernel), kernel, { mode: 0o755 });
  symlinkSync(runnerRoot.loader, join(workingFolder, FILES.loader));
  mkdirSync(join(workingFolder, FILES.kernelFolder));
  const memoryBytes = memoryMebibytes * MEBIBYTE + MEMORY_SLACK_BYTES;
  return {
    ...tiedToRunner(runnerRoot, [`./${FILES.kernel}`, ...kernelArguments(options)]),
    env: {
      LD_LIBRARY_PATH: runnerRoot.libraryFolder,
      TMPDIR: chooseMemoryFolder(memoryBytes, workingFolder),
    },
    workingFolder,
  };
}
