/**
 * The runner that needs root: the steps run natively, in their own namespaces, with the image on a
 * loop device. All programs are those of the runner root.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../formats/error/user-error.ts';
import type { GuestCommand, GuestPlan } from './guest.ts';
import { chrootScript, stepScript } from './guest-script.ts';
import { type RunnerRoot, tiedToRunner } from './runner-root.ts';

/**
 * Writes everything that the guest needs to the working folder, and returns the command that starts
 * it.
 *
 * @throws UserError if the process is not root
 */
export function prepareChroot(runnerRoot: RunnerRoot, plan: GuestPlan): GuestCommand {
  if (process.geteuid?.() !== 0) {
    throw new UserError('the chroot step runner needs root; use the uml runner, which does not');
  }
  const { steps, mark, workingFolder, diskFile, temporaryFolders } = plan;
  const folder = (name: string): string => {
    mkdirSync(join(workingFolder, name));
    return join(workingFolder, name);
  };
  const paths = {
    busybox: runnerRoot.busybox,
    loader: runnerRoot.loader,
    libraryFolder: runnerRoot.libraryFolder,
    setpriv: runnerRoot.setpriv,
    unshare: runnerRoot.unshare,
    stepsFolder: folder('steps'),
    stateFolder: folder('state'),
    root: folder('root'),
    disk: join(workingFolder, diskFile),
  };
  steps.forEach((step, index) => {
    writeFileSync(join(paths.stepsFolder, `${index}.sh`), stepScript(step));
    writeFileSync(join(paths.stepsFolder, `${index}.stdin`), step.stdin ?? '');
  });
  const script = join(workingFolder, 'guest.sh');
  writeFileSync(script, chrootScript({ paths, mark, stepCount: steps.length, temporaryFolders }));
  return {
    ...tiedToRunner(runnerRoot, [
      ...[runnerRoot.loader, '--library-path', runnerRoot.libraryFolder, runnerRoot.unshare],
      ...['--mount', '--propagation=private', '--pid', '--kill-child', '--mount-proc'],
      ...['--net', '--uts', '--ipc', '--', runnerRoot.busybox, 'sh', script],
    ]),
    env: {},
    workingFolder,
    mark,
  };
}
