/**
 * The runner that needs no privileges: the steps run in a user-mode Linux kernel, an ordinary
 * process.
 */
import { readFileSync } from 'node:fs';
import { type CpioMember, writeNewc } from '../../formats/cpio/newc.ts';
import type { GuestCommand, GuestPlan } from './guest.ts';
import { type GuestPaths, stepScript, umlScript } from './guest-script.ts';
import { initrdFile, initrdFolder, prepareKernel } from './kernel.ts';
import { guestLibraries, type RunnerRoot } from './runner-root.ts';
import type { Step } from './step.ts';

/**
 * The guest's clock starts at this second in every run, 2025-01-01 00:00:00 UTC, and advances from
 * there. The date is late enough for programs that refuse dates in the far past, and it is never
 * the host's.
 */
export const CLOCK_START_SECONDS = 1735689600;

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

/** A folder that no host has, so that the guest can mount nothing of the host. */
const NO_HOST_FOLDERS = 'hostfs=/dev/null/none';

function initrd(root: RunnerRoot, steps: readonly Step[], script: string): CpioMember[] {
  const program = (path: string, file: string): CpioMember => initrdFile(path, 0o755, readFileSync(file));
  const text = (path: string, content: string): CpioMember => initrdFile(path, 0o755, content);
  return [
    ...['bin', 'dev', 'lib', 'mnt', 'proc', 'state', 'steps'].map(initrdFolder),
    program(PATHS.busybox, root.busybox),
    program(PATHS.loader, root.loader),
    program(PATHS.setpriv, root.setpriv),
    program(PATHS.unshare, root.unshare),
    ...[...guestLibraries(root)].map(([name, bytes]) =>
      initrdFile(`${PATHS.libraryFolder}/${name}`, 0o755, bytes),
    ),
    ...steps.flatMap((step, index) => [
      text(`${PATHS.stepsFolder}/${index}.sh`, stepScript(step)),
      text(`${PATHS.stepsFolder}/${index}.stdin`, step.stdin ?? ''),
    ]),
    text('/init', script),
  ];
}

export interface UmlOptions {
  readonly runnerRoot: RunnerRoot;
  readonly memoryMebibytes: number;
}

/**
 * Writes everything that the guest needs to the working folder, and returns the command that starts
 * it.
 */
export function prepareUml({ runnerRoot, memoryMebibytes }: UmlOptions, plan: GuestPlan): GuestCommand {
  const { steps, mark, diskFile, workingFolder, temporaryFolders } = plan;
  const script = umlScript(
    { paths: PATHS, mark, stepCount: steps.length, temporaryFolders },
    CLOCK_START_SECONDS,
  );
  const kernel = prepareKernel({
    runnerRoot,
    workingFolder,
    memoryMebibytes,
    initrd: Buffer.concat([...writeNewc(initrd(runnerRoot, steps, script))]),
    name: 'steps',
    disks: [`ubd0=${diskFile}`],
    moreArguments: [NO_HOST_FOLDERS],
  });
  return { ...kernel, mark };
}
