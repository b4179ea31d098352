import type { Paragraph } from './control.ts';
import { compareVersions } from './version.ts';

/**
 * Debian Policy 7.1: a package name, an optional architecture qualifier, an optional version
 * restriction.
 */
const RELATION = /^([a-z0-9][a-z0-9+.-]+)(?::[a-z0-9-]+)?(?:\s*\(\s*(<<|<=|=|>=|>>)\s*([^\s)]+)\s*\))?$/;

/** A package that a relation field names. */
interface Relation {
  readonly name: string;
  readonly operator: string | undefined;
  readonly version: string | undefined;
}

/** Parses a relation field without alternatives (Replaces, Breaks, Conflicts, Provides). */
function parseRelations(field: string): Relation[] {
  return field.split(',').flatMap((text) => {
    const [, name, operator, version] = RELATION.exec(text.trim()) ?? [];
    return name === undefined ? [] : [{ name, operator, version }];
  });
}

function holds(version: string, { operator, version: limit }: Relation): boolean {
  if (operator === undefined || limit === undefined) return true;
  const order = compareVersions(version, limit);
  switch (operator) {
    case '<<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '=':
      return order === 0;
    case '>=':
      return order >= 0;
    default:
      return order > 0;
  }
}

/**
 * Reports whether a package may take over files of another one (Debian Policy 7.6.1): its Replaces
 * field matches the name and version of the other package, or a virtual package that the other
 * package provides.
 */
export function replaces(taker: Paragraph, owner: Paragraph): boolean {
  const names = new Map([[owner.get('Package') ?? '', owner.get('Version') ?? '']]);
  for (const provided of parseRelations(owner.get('Provides') ?? '')) {
    if (!names.has(provided.name)) names.set(provided.name, provided.version ?? '');
  }
  return parseRelations(taker.get('Replaces') ?? '').some((relation) => {
    const version = names.get(relation.name);
    return version !== undefined && holds(version, relation);
  });
}
