/**
 * The scripts of the guest: what its first process runs, in user-mode Linux or in the namespaces of the `chroot`
 * runner, and what starts each step.
 */
import { GUEST_FUNCTIONS } from './guest-functions.ts';
import type { Step } from './step.ts';

/** Where things are in the guest: absolute paths, as its first process sees them. */
export interface GuestPaths {
  readonly busybox: string;
  /** The dynamic loader, its library folder, and util-linux's setpriv and unshare, which it runs. */
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
  /** The image: a block device, or a file that takes a loop device. */
  readonly disk: string;
}

export interface GuestScriptOptions {
  readonly paths: GuestPaths;
  /** Begins each line that is the guest's own. No space. */
  readonly mark: string;
  readonly stepCount: number;
  /** Folders below the root that are an empty tmpfs while the steps run. */
  readonly temporaryFolders: readonly string[];
}

/** Capabilities that no step has: the clock, the kernel's modules and switching off are not the steps'. */
const WITHHELD_CAPABILITIES = '-sys_time,-sys_module,-sys_boot';

/** The host name that every step sees. */
const GUEST_HOST_NAME = 'localhost';

/** Quotes any text without NUL as one word of a POSIX shell. */
export function quoteWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function guestVariables({ paths, mark, stepCount, temporaryFolders }: GuestScriptOptions): string {
  const values: [name: string, value: string][] = [
    ['MARK', mark],
    ['COUNT', String(stepCount)],
    ['TEMPORARY', temporaryFolders.join(' ')],
    ['BUSYBOX', paths.busybox],
    ['LOADER', paths.loader],
    ['LIBRARIES', paths.libraryFolder],
    ['SETPRIV', paths.setpriv],
    ['UNSHARE', paths.unshare],
    ['STEPS', paths.stepsFolder],
    ['STATE', paths.stateFolder],
    ['ROOT', paths.root],
    ['DISK', paths.disk],
    ['WITHHELD', WITHHELD_CAPABILITIES],
  ];
  return values.map(([name, value]) => `${name}=${quoteWord(value)}\n`).join('');
}

const RUN = `
bb ip link set lo up
bb hostname ${GUEST_HOST_NAME}
mount_image
run_steps
unmount_image
tell done
leave
`;

/** The first process of the user-mode Linux kernel. Its serial line 0 leads to the runner. */
export function umlScript(options: GuestScriptOptions, clockStartSeconds: number): string {
  return `#!${options.paths.busybox} sh
${guestVariables(options)}${GUEST_FUNCTIONS}
leave() {
  bb poweroff -f
  bb sleep 60
}

bb mount -t proc proc /proc
bb mount -t devtmpfs dev /dev
exec 5>/dev/ttyS0
bb stty raw <&5
bb date -s @${clockStartSeconds} >/dev/null
${RUN}`;
}

/** The first process of the namespaces of the \`chroot\` runner. Its file descriptor 3 leads to the runner. */
export function chrootScript(options: GuestScriptOptions): string {
  return `${guestVariables(options)}${GUEST_FUNCTIONS}
leave() { exit 0; }

exec 5>&3 3>&-
${RUN}`;
}

/**
 * What starts a step, sourced by the guest in a process of the step's own. util-linux's two tools enter the image last,
 * so that it needs none of them: owner and groups first, then the root and the working directory, then the user.
 */
export function stepScript(step: Step): string {
  const environment = Object.entries(step.env).map(([name, value]) => quoteWord(`${name}=${value}`));
  return `resolve_user ${quoteWord(step.user)}
exec "$BUSYBOX" env -i ${environment.join(' ')} \\
  "$LOADER" --library-path "$LIBRARIES" "$SETPRIV" \\
  --regid="$gid" "$memberships" --bounding-set="$WITHHELD" \\
  "$LOADER" --library-path "$LIBRARIES" "$UNSHARE" \\
  --mount --root="$ROOT" --wd=${quoteWord(step.workingDirectory)} --setuid="$uid" -- \\
  ${step.argv.map(quoteWord).join(' ')}
`;
}
