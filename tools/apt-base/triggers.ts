import { textOf } from '../lib/formats/deb/deb.ts';
import type { BinaryPackage } from './binary-package.ts';

/**
 * Triggers that nobody gets to hear while an image is configured: the initial RAM disk of an image is made by its own rules,
 * not by the packages for the machine that they are configured on.
 */
const SILENCED: ReadonlySet<string> = new Set(['update-initramfs']);

/** deb-triggers(5): the directives by which a package says that it wants to hear of a trigger. */
const INTEREST = /^\s*interest(-await|-noawait)?\s+(\S+)/;

function interest(line: string): { readonly trigger: string; readonly waits: boolean } | undefined {
  const [, kind, trigger] = INTEREST.exec(line) ?? [];
  return trigger === undefined ? undefined : { trigger, waits: kind !== '-noawait' };
}

/** A package's control file `triggers` without the triggers that it is not to hear; dpkg reads it when it configures the package. */
export function withoutSilenced(triggers: string): string {
  const isHeard = (line: string) => !SILENCED.has(interest(line)?.trigger ?? '');
  return triggers.split('\n').filter(isHeard).join('\n');
}

/**
 * dpkg's own record of who waits for which trigger: the files of /var/lib/dpkg/triggers by name. A path is a trigger of
 * the file `File`; any other name is a file of its own.
 */
export function triggerFiles(packages: readonly BinaryPackage[]): Map<string, string> {
  const files = new Map<string, string>();
  const add = (file: string, line: string) => files.set(file, `${files.get(file) ?? ''}${line}\n`);
  for (const { name, controlFiles } of packages) {
    for (const line of withoutSilenced(textOf(controlFiles, 'triggers') ?? '').split('\n')) {
      const found = interest(line);
      if (found === undefined) continue;
      const waiter = found.waits ? name : `${name}/noawait`;
      if (found.trigger.startsWith('/')) add('File', `${found.trigger} ${waiter}`);
      else add(found.trigger, waiter);
    }
  }
  return files;
}
