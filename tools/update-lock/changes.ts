import { compareVersions } from '../lib/formats/deb/version.ts';
import { comparePaths } from '../lib/formats/entry/entry.ts';
import type { LockedPackage } from './lock.ts';

/**
 * Describes each package that was added or removed, or whose version, bytes or sets have changed:
 * one line per package, sorted by name.
 */
export function describeChanges(before: readonly LockedPackage[], after: readonly LockedPackage[]): string[] {
  const old = new Map(before.map((entry) => [entry.name, entry]));
  const current = new Map(after.map((entry) => [entry.name, entry]));
  const names = [...new Set([...old.keys(), ...current.keys()])].sort(comparePaths);
  return names.flatMap((name) => {
    const from = old.get(name);
    const to = current.get(name);
    if (to === undefined) return [`removed     ${name} ${from?.version}`];
    if (from === undefined) return [`added       ${name} ${to.version}`];
    if (from.version !== to.version) {
      const verb = compareVersions(from.version, to.version) < 0 ? 'upgraded   ' : 'downgraded ';
      return [`${verb} ${name} ${from.version} -> ${to.version}`];
    }
    if (from.sha256 !== to.sha256) return [`rebuilt     ${name} ${to.version}: same version, other bytes`];
    if (from.sets.join() !== to.sets.join()) {
      return [`moved       ${name} ${to.version}: ${from.sets.join(', ')} -> ${to.sets.join(', ')}`];
    }
    return [];
  });
}
