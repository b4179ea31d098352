import { type Paragraph, parseControl } from '../lib/formats/deb/control.ts';
import { compareVersions } from '../lib/formats/deb/version.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import type { AptSource, PrivateApt } from './apt.ts';
import { LOCK_VERSION, type Lock, type LockedPackage } from './lock.ts';
import type { LockRequest } from './request.ts';

/** Returns apt's pattern for the packages of a minimal Debian system, except those in `without`. */
function essentialPattern(without: readonly string[]): string {
  const exceptions = without.map((name) => `,?not(?exact-name(${name}))`);
  return `?and(?or(?essential,?priority(required))${exceptions.join('')})`;
}

/** Chooses for each suite the first mirror that has it. */
function chooseSources(apt: PrivateApt, suites: readonly string[], mirrors: readonly string[]): AptSource[] {
  return suites.map((suite) => {
    const mirror = mirrors.find((candidate) => apt.hasSuite({ mirror: candidate, suite }));
    if (mirror === undefined) {
      throw new UserError(
        `no mirror has the suite "${suite}", or none can be reached; tried: ${mirrors.join(' ')}`,
      );
    }
    return { mirror, suite };
  });
}

/** Returns the file name that apt gives a package: `NAME_VERSION_ARCHITECTURE.deb`. */
function fileKey(paragraph: Paragraph): string {
  const version = (paragraph.get('Version') ?? '').replaceAll(':', '%3a');
  return `${paragraph.get('Package')}_${version}_${paragraph.get('Architecture')}.deb`;
}

/** Reads all packages of the sources, by file name. */
function readIndexes(apt: PrivateApt): Map<string, Paragraph> {
  const offered = new Map<string, Paragraph>();
  for (const index of apt.indexes()) {
    for (const paragraph of parseControl(index, 'Packages')) offered.set(fileKey(paragraph), paragraph);
  }
  return offered;
}

/** Finds the newest version of each package, without its dependencies. */
function newestOnly(offered: ReadonlyMap<string, Paragraph>, names: readonly string[]): string[] {
  return names.map((name) => {
    const versions = [...offered.values()].filter((paragraph) => paragraph.get('Package') === name);
    versions.sort((a, b) => compareVersions(a.get('Version') ?? '', b.get('Version') ?? ''));
    const newest = versions.at(-1);
    if (newest === undefined) throw new UserError(`no suite has the package "${name}"`);
    return fileKey(newest);
  });
}

function lockPackage(key: string, paragraph: Paragraph | undefined, sets: readonly string[]): LockedPackage {
  if (paragraph === undefined) {
    throw new UserError(
      `apt chose ${key}, which is not in any index; ` +
        'run update_lock again, because the mirror may have changed meanwhile',
    );
  }
  const name = paragraph.require('Package', key);
  return {
    name,
    version: paragraph.require('Version', key),
    architecture: paragraph.require('Architecture', key),
    source: paragraph.get('Source') ?? name,
    poolPath: paragraph.require('Filename', key),
    sizeBytes: Number(paragraph.require('Size', key)),
    sha256: paragraph.require('SHA256', key),
    sets,
  };
}

/** Finds the packages of every set of a lock. */
export function resolveLock(apt: PrivateApt, request: LockRequest, mirrors: readonly string[]): Lock {
  apt.update(chooseSources(apt, request.suites, mirrors));
  const offered = readIndexes(apt);
  const setsOfKey = new Map<string, string[]>();
  for (const [set, names] of Object.entries(request.sets)) {
    const wanted = request.essential ? [...names, essentialPattern(request.without)] : names;
    const keys = request.dependencies ? apt.resolve(wanted) : newestOnly(offered, names);
    for (const key of keys) setsOfKey.set(key, [...(setsOfKey.get(key) ?? []), set]);
  }
  return {
    version: LOCK_VERSION,
    suites: request.suites,
    architecture: request.architecture,
    requested: request.sets,
    packages: [...setsOfKey].map(([key, sets]) => lockPackage(key, offered.get(key), sets)),
  };
}
