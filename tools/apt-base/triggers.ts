import { textOf } from '../lib/formats/deb/deb.ts';
import type { BinaryPackage } from './binary-package.ts';

/**
 * Triggers that no package receives during the configuration of an image. The image's own rules
 * build its initial RAM disk; the packages would build one for the machine on which they are
 * configured.
 */
const SILENCED: ReadonlySet<string> = new Set(['update-initramfs']);

/** deb-triggers(5): the directives with which a package declares its interest in a trigger. */
const INTEREST = /^\s*interest(-await|-noawait)?\s+(\S+)/;

function interest(line: string): { readonly trigger: string; readonly waits: boolean } | undefined {
  const [, kind, trigger] = INTEREST.exec(line) ?? [];
  return trigger === undefined ? undefined : { trigger, waits: kind !== '-noawait' };
}

/**
 * Removes the silenced triggers from a package's control file `triggers`, which dpkg reads when it
 * configures the package.
 */
export function withoutSilenced(triggers: string): string {
  const isHeard = (line: string) => !SILENCED.has(interest(line)?.trigger ?? '');
  return triggers.split('\n').filter(isHeard).join('\n');
}

/**
 * Builds dpkg's record of the packages that are interested in each trigger: the files of
 * /var/lib/dpkg/triggers, by name. Triggers that are paths are in the file `File`; every other
 * trigger has its own file.
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
