import { UserError } from '../../formats/error/user-error.ts';

/** Parses sizes as people write them: `3G`, `100MiB`, `10 GiB`. All units are binary. */

const KIBIBYTE = 1024;

/** Every accepted spelling of a unit, in lower case, with its bytes. */
const UNIT_BYTES: ReadonlyMap<string, number> = new Map([
  ['b', 1],
  ['k', KIBIBYTE],
  ['kib', KIBIBYTE],
  ['m', KIBIBYTE ** 2],
  ['mib', KIBIBYTE ** 2],
  ['g', KIBIBYTE ** 3],
  ['gib', KIBIBYTE ** 3],
  ['t', KIBIBYTE ** 4],
  ['tib', KIBIBYTE ** 4],
]);

const KNOWN_UNITS = 'B, K or KiB, M or MiB, G or GiB, T or TiB (binary: 1K = 1024 bytes)';

/**
 * Returns the value of a size in bytes, or a description of the problem with it. `plainUnitBytes`
 * is the unit of a number without a unit.
 */
export function readSize(text: string, plainUnitBytes: number): number | { readonly problem: string } {
  const match = /^([0-9]+)\s*([A-Za-z]*)$/.exec(text.trim());
  if (match === null) {
    return { problem: `"${text}" is not a size: write a whole number and a unit: ${KNOWN_UNITS}` };
  }
  const [, digits = '', unit = ''] = match;
  const unitBytes = unit === '' ? plainUnitBytes : UNIT_BYTES.get(unit.toLowerCase());
  if (unitBytes === undefined) {
    return { problem: `"${text}" has the unknown unit "${unit}": use ${KNOWN_UNITS}` };
  }
  const sizeBytes = Number(digits) * unitBytes;
  if (!Number.isSafeInteger(sizeBytes)) return { problem: `"${text}" is too large for a size` };
  return sizeBytes;
}

/**
 * Parses a size such as `3G` into bytes. A number without a unit is in bytes.
 *
 * @param what names the value in errors: `--size`
 * @throws UserError if the text is not a size, or if its unit is unknown; then the error lists the
 *   known ones
 */
export function parseSize(text: string, what = 'size'): number {
  const size = readSize(text, 1);
  if (typeof size !== 'number') throw new UserError(`${what}: ${size.problem}`);
  return size;
}
