import { normalizePath } from '../entry/entry.ts';
import { UserError } from '../error/user-error.ts';

/** A configuration file of a package (deb-conffiles(5)). */
export interface Conffile {
  /** Without a leading slash. */
  readonly path: string;
  /**
   * True if the package no longer has the file, and dpkg must remove it from systems that have it.
   */
  readonly removeOnUpgrade: boolean;
}

const REMOVE_ON_UPGRADE = 'remove-on-upgrade';

/** Parses the control file `conffiles`: one absolute path per line, after optional flags. */
export function parseConffiles(text: string, where: string): Conffile[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const place = `${where}:${index + 1}`;
    const words = line.trimEnd().split(/ +/);
    const slash = words.findIndex((word) => word.startsWith('/'));
    const flags = words.slice(0, slash);
    const path = normalizePath(words.slice(slash).join(' '));
    if (slash < 0 || path === undefined || path === '') {
      throw new UserError(`${place}: "${line}" is not an absolute path of a configuration file`);
    }
    const unknown = flags.find((flag) => flag !== REMOVE_ON_UPGRADE);
    if (unknown !== undefined) throw new UserError(`${place}: the flag "${unknown}" is unknown`);
    return [{ path, removeOnUpgrade: flags.length > 0 }];
  });
}
