import { UserError } from '../cli/cli.ts';
import { normalizePath } from '../entry/entry.ts';

/** A configuration file of a package (deb-conffiles(5)). */
export interface Conffile {
  /** Without a leading slash. */
  readonly path: string;
  /** Set where the package no longer has the file and wants it removed from systems that do. */
  readonly removeOnUpgrade: boolean;
}

const REMOVE_ON_UPGRADE = 'remove-on-upgrade';

/** Reads the control file `conffiles`: one absolute path a line, flags in front of it. */
export function parseConffiles(text: string, where: string): Conffile[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const place = `${where}:${index + 1}`;
    const words = line.trimEnd().split(/ +/);
    const slash = words.findIndex((word) => word.startsWith('/'));
    const flags = words.slice(0, slash);
    const path = normalizePath(words.slice(slash).join(' '));
    if (slash < 0 || path === undefined || path === '') {
      throw new UserError(`${place}: "${line}" is no absolute path of a configuration file`);
    }
    const unknown = flags.find((flag) => flag !== REMOVE_ON_UPGRADE);
    if (unknown !== undefined) throw new UserError(`${place}: the flag "${unknown}" is unknown`);
    return [{ path, removeOnUpgrade: flags.length > 0 }];
  });
}

/** MD5 as lower-case hexadecimal digits, two spaces, and the path without a leading slash. */
const MD5SUMS_LINE = /^([0-9a-f]{32})[ \t]+(?:\.\/)?(.+)$/;

/** Reads the control file `md5sums` (deb-md5sums(5)): the digest of each file by path. */
export function parseMd5sums(text: string, where: string): Map<string, string> {
  const digests = new Map<string, string>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const [, digest, path] = MD5SUMS_LINE.exec(line) ?? [];
    if (digest === undefined || path === undefined) {
      throw new UserError(`${where}:${index + 1}: expected an MD5 digest and a path`);
    }
    digests.set(path, digest);
  }
  return digests;
}
