/**
 * Writes the scripts of the guest: the one that its first process runs, in user-mode Linux or in
 * the namespaces of the `chroot` runner, and the one that starts each step. Their constant text is
 * in the `.sh` files of this folder.
 */
import { readFileSync } from 'node:fs';
import type { Step } from './step.ts';

// tools/bundle/config.ts puts these texts into the bundles.
const GUEST = readFileSync(new URL('./guest.sh', import.meta.url), 'utf8');
const UML = readFileSync(new URL('./uml.sh', import.meta.url), 'utf8');
const CHROOT = readFileSync(new URL('./chroot.sh', import.meta.url), 'utf8');

/** Absolute paths in the guest, as its first process sees them. */
export interface GuestPaths {
  readonly busybox: string;
  /** The dynamic loader and its library folder. It runs util-linux's setpriv and unshare. */
  readonly loader: string;
  readonly libraryFolder: string;
  readonly setpriv: string;
  readonly unshare: string;
  /** The folder with the two files of each step. */
  readonly stepsFolder: string;
  /** A writable folder for the guest's own pipe. */
  readonly stateFolder: string;
  /** The mount point of the image. */
  readonly root: string;
  /** The image: a block device, or a file that mount attaches to a loop device. */
  readonly disk: string;
}

export interface GuestScriptOptions {
  readonly paths: GuestPaths;
  /** Begins each line that the guest itself writes. Contains no space. */
  readonly mark: string;
  readonly stepCount: number;
  /** Folders below the root that are an empty tmpfs while the steps run. */
  readonly temporaryFolders: readonly string[];
}

/**
 * Capabilities that no step receives, so that no step can set the clock, load kernel modules or
 * switch the machine off.
 */
const WITHHELD_CAPABILITIES = '-sys_time,-sys_module,-sys_boot';

/** Quotes any text without NUL as one word of a POSIX shell. */
function quoteWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Assigns texts to variables of a POSIX shell, one per line. */
export function assignments(values: Readonly<Record<string, string>>): string {
  const lines = Object.entries(values).map(([name, value]) => `${name}=${quoteWord(value)}\n`);
  return lines.join('');
}

function guestVariables({ paths, mark, stepCount, temporaryFolders }: GuestScriptOptions): string {
  return assignments({
    MARK: mark,
    COUNT: String(stepCount),
    TEMPORARY: temporaryFolders.join(' '),
    BUSYBOX: paths.busybox,
    LOADER: paths.loader,
    LIBRARIES: paths.libraryFolder,
    SETPRIV: paths.setpriv,
    UNSHARE: paths.unshare,
    STEPS: paths.stepsFolder,
    STATE: paths.stateFolder,
    ROOT: paths.root,
    DISK: paths.disk,
    WITHHELD: WITHHELD_CAPABILITIES,
  });
}

/** Returns the script of the first process of the user-mode Linux kernel. */
export function umlScript(options: GuestScriptOptions, clockStartSeconds: number): string {
  const variables = guestVariables(options) + assignments({ CLOCK_START: String(clockStartSeconds) });
  return `#!${options.paths.busybox} sh\n${variables}${GUEST}${UML}`;
}

/** Returns the script of the first process in the namespaces of the `chroot` runner. */
export function chrootScript(options: GuestScriptOptions): string {
  return `${guestVariables(options)}${GUEST}${CHROOT}`;
}

/** Returns the text of the file that the guest sources, in a separate process, to start a step. */
export function stepScript(step: Step): string {
  const environment = Object.entries(step.env).map(([name, value]) => ` ${quoteWord(`${name}=${value}`)}`);
  const words = [step.workingDirectory, ...step.argv].map(quoteWord);
  return `with_environment() { exec "$BUSYBOX" env -i${environment.join('')} "$@"; }
resolve_user ${quoteWord(step.user)}
enter_image ${words.join(' ')}
`;
}
