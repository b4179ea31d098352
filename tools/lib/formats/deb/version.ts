/** A Debian version number: `[epoch:]upstream[-revision]`, ordered by Debian Policy 5.6.12. */
interface Version {
  readonly epoch: string;
  readonly upstream: string;
  readonly revision: string;
}

/** Splits at the first colon and at the last hyphen. A missing epoch or revision is `0`. */
function splitVersion(version: string): Version {
  const colon = version.indexOf(':');
  const rest = version.slice(colon + 1);
  const hyphen = rest.lastIndexOf('-');
  return {
    epoch: colon < 0 ? '0' : version.slice(0, colon),
    upstream: hyphen < 0 ? rest : rest.slice(0, hyphen),
    revision: hyphen < 0 ? '0' : rest.slice(hyphen + 1),
  };
}

/**
 * Returns the sort weight of a character outside numbers: `~` sorts before the end of the part,
 * letters before all other characters.
 */
function weight(character: string | undefined): number {
  if (character === undefined) return 0;
  if (character === '~') return -1;
  const code = character.charCodeAt(0);
  return /[A-Za-z]/.test(character) ? code : code + 256;
}

const isDigit = (character: string | undefined) => character !== undefined && /[0-9]/.test(character);

/** Compares two digit strings of any length as numbers. */
function compareNumbers(left: string, right: string): number {
  const a = left.replace(/^0+/, '');
  const b = right.replace(/^0+/, '');
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Compares an upstream version or a revision: alternately a part without digits and a number. */
function compareParts(left: string, right: string): number {
  let i = 0;
  let j = 0;
  while (i < left.length || j < right.length) {
    while ((i < left.length && !isDigit(left[i])) || (j < right.length && !isDigit(right[j]))) {
      const a = isDigit(left[i]) ? 0 : weight(left[i]);
      const b = isDigit(right[j]) ? 0 : weight(right[j]);
      if (a !== b) return a - b;
      i += 1;
      j += 1;
    }
    const leftNumber = /^[0-9]*/.exec(left.slice(i))?.[0] ?? '';
    const rightNumber = /^[0-9]*/.exec(right.slice(j))?.[0] ?? '';
    const order = compareNumbers(leftNumber, rightNumber);
    if (order !== 0) return order;
    i += leftNumber.length;
    j += rightNumber.length;
  }
  return 0;
}

/**
 * Orders two version numbers. The result is negative if `left` is older, and positive if it is
 * newer.
 */
export function compareVersions(left: string, right: string): number {
  const a = splitVersion(left);
  const b = splitVersion(right);
  return (
    compareNumbers(a.epoch, b.epoch) ||
    compareParts(a.upstream, b.upstream) ||
    compareParts(a.revision, b.revision)
  );
}
