import { textOf } from '../lib/deb/deb.ts';
import type { BinaryPackage } from './binary-package.ts';

/**
 * Triggers that nobody gets to hear while an image is configured: the initial RAM disk of an image is made by its own rules,
 * not by the packages for the machine that they are configured on.
 */
const SILENCED: ReadonlySet<string> = new Set(['update-initramfs']);

/** deb-triggers(5): the directives by which a package says that it wants to hear of a trigger. */
const INTEREST = /^\s*interest(-await|-noawait)?\s+(\S+)/;

/**
 * dpkg's own record of who waits for which trigger: the files of /var/lib/dpkg/triggers by name. A path is a trigger of
 * the file `File`; any other name is a file of its own.
 */
export function triggerFiles(packages: readonly BinaryPackage[]): Map<string, string> {
  const files = new Map<string, string>();
  const add = (file: string, line: string) => files.set(file, `${files.get(file) ?? ''}${line}\n`);
  for (const { name, controlFiles } of packages) {
    for (const line of (textOf(controlFiles, 'triggers') ?? '').split('\n')) {
      const [, kind, trigger] = INTEREST.exec(line) ?? [];
      if (trigger === undefined || SILENCED.has(trigger)) continue;
      const waiter = kind === '-noawait' ? `${name}/noawait` : name;
      if (trigger.startsWith('/')) add('File', `${trigger} ${waiter}`);
      else add(trigger, waiter);
    }
  }
  return files;
}
