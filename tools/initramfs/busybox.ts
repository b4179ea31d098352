/** Links BusyBox, one program with many names, under the names of its applets. */
import { UserError } from '../lib/formats/error/user-error.ts';
import type { ArchiveTree } from './archive-tree.ts';

const APPLET_DIRECTORY = 'bin';
/**
 * Linux, CONFIG_MODPROBE_PATH: the path at which the kernel starts modprobe when it needs a module.
 */
const KERNEL_MODPROBE = { applet: 'modprobe', path: 'sbin/modprobe' };
/**
 * BusyBox, include/applet_tables.h: the names are stored sorted, each followed by a NUL. `[` and
 * `[[` are the first.
 */
const TABLE_STARTS = ['[\0[[\0', '[\0'];
const APPLET_NAME = /^[a-z0-9[][a-z0-9._+[-]*$/;
/** Text with fewer names than this is not the table of applets. */
const APPLETS_MIN = 10;

/** Finds the applets of a BusyBox binary; `undefined` if it has no table of applets. */
export function appletNames(binary: Uint8Array): string[] | undefined {
  const bytes = Buffer.from(binary.buffer, binary.byteOffset, binary.byteLength);
  for (const start of TABLE_STARTS) {
    for (
      let at = bytes.indexOf(`\0${start}`, 0, 'latin1');
      at >= 0;
      at = bytes.indexOf(`\0${start}`, at + 1, 'latin1')
    ) {
      const names: string[] = [];
      for (let next = at + 1; ; ) {
        const end = bytes.indexOf(0, next);
        const name = bytes.toString('latin1', next, end);
        if (end < 0 || !APPLET_NAME.test(name) || (names.at(-1) ?? '') >= name) break;
        names.push(name);
        next = end + 1;
      }
      if (names.length >= APPLETS_MIN) return names;
    }
  }
  return undefined;
}

/**
 * Links applets to the BusyBox at `path` in the archive. An existing program of the same name is
 * kept.
 *
 * @param applets the applets to link; all if the list is empty
 * @throws UserError for an applet that the binary does not have
 */
export function linkApplets(
  archive: ArchiveTree,
  path: string,
  binary: Uint8Array,
  applets: readonly string[],
): void {
  const known = appletNames(binary);
  if (known === undefined && applets.length === 0) {
    throw new UserError(
      `${path}: this binary has no list of applets; is it BusyBox? Name the applets with --applet`,
    );
  }
  for (const applet of applets) {
    if (known?.includes(applet) === false)
      throw new UserError(`${path}: this BusyBox has no applet ${applet}`);
  }
  for (const applet of applets.length === 0 ? (known ?? []) : applets) {
    archive.addSymlinkUnlessPresent(`${APPLET_DIRECTORY}/${applet}`, `/${path}`);
    if (applet === KERNEL_MODPROBE.applet) archive.addSymlinkUnlessPresent(KERNEL_MODPROBE.path, `/${path}`);
  }
}
