/** Parses permission bits of `--chmod`: octal, or symbolic as in chmod(1). */
import { UserError } from '../../lib/formats/error/user-error.ts';

/** Returns the new mode of an entry. */
export type ModeChange = (mode: number, isDirectory: boolean) => number;

const OCTAL = /^[0-7]{1,4}$/;
const CLAUSE = /^([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)$/;
const ACTION = /([-+=])([rwxXst]*|[ugo])(?=[-+=]|$)/g;
/** The position of the three bits of each class. */
const SHIFTS: Readonly<Record<string, number>> = { u: 6, g: 3, o: 0 };
const BITS: Readonly<Record<string, number>> = { r: 4, w: 2, x: 1 };
const SET_UID = 0o4000;
const SET_GID = 0o2000;
const STICKY = 0o1000;
const ANY_EXECUTE = 0o111;

interface Action {
  readonly operator: string;
  readonly permissions: string;
}

/** Returns the mode bits that `permissions` sets for the classes of an entry with this mode. */
function permissionBits(permissions: string, classes: string, mode: number, isDirectory: boolean): number {
  const copied = SHIFTS[permissions];
  let triple = copied === undefined ? 0 : (mode >> copied) & 7;
  let special = 0;
  for (const letter of copied === undefined ? permissions : '') {
    if (letter === 'X') triple |= isDirectory || (mode & ANY_EXECUTE) !== 0 ? 1 : 0;
    else if (letter === 's')
      special |= (classes.includes('u') ? SET_UID : 0) | (classes.includes('g') ? SET_GID : 0);
    else if (letter === 't') special |= STICKY;
    else triple |= BITS[letter] ?? 0;
  }
  return [...classes].reduce((bits, name) => bits | (triple << (SHIFTS[name] ?? 0)), special);
}

function applyAction(
  { operator, permissions }: Action,
  classes: string,
  mode: number,
  isDirectory: boolean,
): number {
  const bits = permissionBits(permissions, classes, mode, isDirectory);
  if (operator === '+') return mode | bits;
  if (operator === '-') return mode & ~bits;
  const owned = [...classes].reduce((mask, name) => mask | (7 << (SHIFTS[name] ?? 0)), 0);
  const special = (classes.includes('u') ? SET_UID : 0) | (classes.includes('g') ? SET_GID : 0);
  return (mode & ~(owned | special)) | bits;
}

/**
 * Parses a mode.
 *
 * @param where `FILE:LINE` for error messages
 * @throws UserError if it is neither octal nor symbolic
 */
export function parseMode(text: string, where: string): ModeChange {
  if (OCTAL.test(text)) {
    const mode = Number.parseInt(text, 8);
    return () => mode;
  }
  const clauses = text.split(',').map((clause) => {
    const match = CLAUSE.exec(clause);
    if (match === null) {
      throw new UserError(
        `${where}: --chmod=${text} is not a mode; write octal digits, such as 0644, or symbols, such as u=rw,go=r`,
      );
    }
    const [, classes = '', actions = ''] = match;
    return {
      // Without a class, chmod(1) changes all classes, limited by the umask. A build has no umask.
      classes: classes === '' || classes.includes('a') ? 'ugo' : classes,
      actions: [...actions.matchAll(ACTION)].map(([, operator = '', permissions = '']) => ({
        operator,
        permissions,
      })),
    };
  });
  return (mode, isDirectory) =>
    clauses.reduce(
      (result, { classes, actions }) =>
        actions.reduce((soFar, action) => applyAction(action, classes, soFar, isDirectory), result),
      mode,
    );
}
