/** The runner that needs no privileges: the steps run in a user-mode Linux kernel, an ordinary process. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CpioMember, writeNewc } from '../../formats/cpio/newc.ts';
import { type Entry, NO_XATTRS } from '../../formats/entry/entry.ts';
import type { GuestCommand, GuestPlan } from './guest.ts';
import { type GuestPaths, stepScript, umlScript } from './guest-script.ts';
import { withInterpreter } from './interpreter.ts';
import { chooseMemoryFolder } from './memory-folder.ts';
import { guestLibraries, type RunnerRoot, tiedToRunner } from './runner-root.ts';
import type { Step } from './step.ts';

/**
 * The guest's clock starts at this second of every run, 2025-01-01 00:00:00 UTC, and runs on from there: late enough for
 * everything that refuses dates in the far past, and never the host's.
 */
export const CLOCK_START_SECONDS = 1735689600;

const MEBIBYTE = 1024 * 1024;
/** What the kernel takes beside the guest's memory when it lies in a shared folder. */
const MEMORY_SLACK_BYTES = 16 * MEBIBYTE;

const PATHS: GuestPaths = {
  busybox: '/bin/busybox',
  loader: '/lib/ld.so',
  libraryFolder: '/lib',
  setpriv: '/bin/setpriv',
  unshare: '/bin/unshare',
  stepsFolder: '/steps',
  stateFolder: '/state',
  root: '/mnt',
  disk: '/dev/ubda',
};

/** File names in the working folder; short and relative, because socket paths and kernel command lines are short. */
const FILES = { kernel: 'linux', initrd: 'initrd.cpio', kernelFolder: 'uml', loader: 'ld.so' };

function member(path: string, mode: number, content: Uint8Array): CpioMember {
  const entry: Entry = {
    type: 'file',
    path: path.slice(1),
    mode,
    uid: 0,
    gid: 0,
    xattrs: NO_XATTRS,
    sizeBytes: content.length,
  };
  return { entry, content };
}

function folder(path: string): CpioMember {
  const entry: Entry = { type: 'directory', path, mode: 0o755, uid: 0, gid: 0, xattrs: NO_XATTRS };
  return { entry, content: new Uint8Array(0) };
}

function initrd(root: RunnerRoot, steps: readonly Step[], script: string): CpioMember[] {
  const program = (path: string, file: string): CpioMember => member(path, 0o755, readFileSync(file));
  const text = (path: string, content: string): CpioMember => member(path, 0o755, Buffer.from(content));
  return [
    ...['bin', 'dev', 'lib', 'mnt', 'proc', 'state', 'steps'].map(folder),
    program(PATHS.busybox, root.busybox),
    program(PATHS.loader, root.loader),
    program(PATHS.setpriv, root.setpriv),
    program(PATHS.unshare, root.unshare),
    ...[...guestLibraries(root)].map(([name, bytes]) =>
      member(`${PATHS.libraryFolder}/${name}`, 0o755, bytes),
    ),
    ...steps.flatMap((step, index) => [
      text(`${PATHS.stepsFolder}/${index}.sh`, stepScript(step)),
      text(`${PATHS.stepsFolder}/${index}.stdin`, step.stdin ?? ''),
    ]),
    text('/init', script),
  ];
}

/** The kernel's command line: no network, no host folders, its console to file 1, the channel to file 3. */
function kernelArguments(memoryMebibytes: number, diskFile: string): string[] {
  return [
    `mem=${memoryMebibytes}M`,
    `initrd=${FILES.initrd}`,
    `ubd0=${diskFile}`,
    `uml_dir=${FILES.kernelFolder}/`,
    'umid=steps',
    'con=null',
    'con0=null,fd:1',
    'ssl=null',
    'ssl0=null,fd:3',
    // Faster than tracing by more than half, where the host lets it.
    'seccomp=auto',
    // A folder that no host has: nothing of the host can be mounted.
    'hostfs=/dev/null/none',
    // No security module labels what the steps write.
    'lsm=capability',
    'panic=-1',
    'noreboot',
  ];
}

export interface UmlOptions {
  readonly runnerRoot: RunnerRoot;
  readonly memoryMebibytes: number;
}

/** Puts all that the kernel needs into the working folder, and says how to start it. */
export function prepareUml({ runnerRoot, memoryMebibytes }: UmlOptions, plan: GuestPlan): GuestCommand {
  const { steps, mark, diskFile, workingFolder, temporaryFolders } = plan;
  const script = umlScript(
    { paths: PATHS, mark, stepCount: steps.length, temporaryFolders },
    CLOCK_START_SECONDS,
  );
  const initrdBytes = Buffer.concat([...writeNewc(initrd(runnerRoot, steps, script))]);
  writeFileSync(join(workingFolder, FILES.initrd), initrdBytes);
  const kernel = withInterpreter(readFileSync(runnerRoot.kernel), FILES.loader, runnerRoot.kernel);
  writeFileSync(join(workingFolder, FILES.kernel), kernel, { mode: 0o755 });
  symlinkSync(runnerRoot.loader, join(workingFolder, FILES.loader));
  mkdirSync(join(workingFolder, FILES.kernelFolder));
  const memoryBytes = memoryMebibytes * MEBIBYTE + MEMORY_SLACK_BYTES;
  return {
    ...tiedToRunner(runnerRoot, [`./${FILES.kernel}`, ...kernelArguments(memoryMebibytes, diskFile)]),
    env: {
      LD_LIBRARY_PATH: runnerRoot.libraryFolder,
      TMPDIR: chooseMemoryFolder(memoryBytes, workingFolder),
    },
    workingFolder,
    mark,
  };
}
