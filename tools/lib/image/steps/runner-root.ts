/**
 * Finds the programs that the step runner itself needs, in a folder with unpacked Debian packages.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../formats/error/user-error.ts';

/** Paths of the programs on the host. */
export interface RunnerRoot {
  readonly kernel: string;
  readonly busybox: string;
  readonly loader: string;
  readonly libraryFolder: string;
  readonly setpriv: string;
  readonly unshare: string;
}

/** The multiarch folder of the only architecture for which Debian has user-mode Linux. */
const LIBRARY_FOLDER = 'usr/lib/x86_64-linux-gnu';

const PARTS: Readonly<Record<keyof RunnerRoot, { path: string; debianPackage: string }>> = {
  kernel: { path: 'usr/bin/linux.uml', debianPackage: 'user-mode-linux' },
  busybox: { path: 'usr/bin/busybox', debianPackage: 'busybox-static' },
  loader: { path: `${LIBRARY_FOLDER}/ld-linux-x86-64.so.2`, debianPackage: 'libc6' },
  libraryFolder: { path: `${LIBRARY_FOLDER}/libc.so.6`, debianPackage: 'libc6' },
  setpriv: { path: 'usr/bin/setpriv', debianPackage: 'util-linux' },
  unshare: { path: 'usr/bin/unshare', debianPackage: 'util-linux' },
};

/** The libraries that setpriv and unshare need. */
const LIBRARIES: readonly { readonly name: string; readonly debianPackage: string }[] = [
  { name: 'libc.so.6', debianPackage: 'libc6' },
  { name: 'libcap-ng.so.0', debianPackage: 'libcap-ng0' },
];

/** Finds the programs. @throws UserError if one is missing; the message names its package */
export function findRunnerRoot(root: string): RunnerRoot {
  const find = (path: string, debianPackage: string): string => {
    const found = join(root, path);
    if (!existsSync(found)) {
      throw new UserError(
        `${root}: ${path} is missing; unpack Debian's ${debianPackage} into this runner root`,
      );
    }
    return found;
  };
  const part = (name: keyof RunnerRoot): string => find(PARTS[name].path, PARTS[name].debianPackage);
  for (const { name, debianPackage } of LIBRARIES) find(`${LIBRARY_FOLDER}/${name}`, debianPackage);
  return {
    kernel: part('kernel'),
    busybox: part('busybox'),
    loader: part('loader'),
    libraryFolder: join(root, LIBRARY_FOLDER),
    setpriv: part('setpriv'),
    unshare: part('unshare'),
  };
}

/**
 * Reads the shared libraries that setpriv and unshare need in the guest. Returns their bytes by
 * name.
 */
export function guestLibraries(runnerRoot: RunnerRoot): Map<string, Buffer> {
  return new Map(LIBRARIES.map(({ name }) => [name, readFileSync(join(runnerRoot.libraryFolder, name))]));
}

/** Wraps a command so that the kernel kills it when the runner dies for any reason. */
export function tiedToRunner(
  { loader, libraryFolder, setpriv }: RunnerRoot,
  command: readonly string[],
): { readonly command: string; readonly args: readonly string[] } {
  return {
    command: loader,
    args: ['--library-path', libraryFolder, setpriv, '--pdeathsig', 'KILL', '--', ...command],
  };
}
