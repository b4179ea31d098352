/** BusyBox is one program under many names. */
import { UserError } from '../lib/formats/error/user-error.ts';
import type { ArchiveTree } from './archive-tree.ts';

const APPLET_DIRECTORY = 'bin';
/** Linux, CONFIG_MODPROBE_PATH: where the kernel itself looks for modprobe when it wants a module. */
const KERNEL_MODPROBE = { applet: 'modprobe', path: 'sbin/modprobe' };
/** BusyBox, include/applet_tables.h: the names lie one after another, sorted, each with a NUL; `[` and `[[` are first. */
const TABLE_STARTS = ['[\0[[\0', '[\0'];
const APPLET_NAME = /^[a-z0-9[][a-z0-9._+[-]*$/;
/** A run of fewer names than this is some other table. */
const APPLETS_MIN = 10;

/** The applets that a BusyBox binary says it has; `undefined` where no table is found in it. */
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
 * Links applets to the BusyBox at `path` in the archive, except where a program of that name is already there.
 *
 * @param applets which ones; all where the list is empty
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
    throw new UserError(`${path}: no list of applets in this binary; is it BusyBox? Name them with --applet`);
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
