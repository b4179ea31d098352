/** Looks up users and groups in a stage's own /etc/passwd and /etc/group. */
import { UserError } from '../../lib/formats/error/user-error.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface AccountFiles {
  /** The text of /etc/passwd and /etc/group; `undefined` if the stage has no such file. */
  readonly passwd: string | undefined;
  readonly group: string | undefined;
}

const NUMBER = /^\d+$/;
/** (uid_t) -1 and (gid_t) -1 mean "no change" to chown(2). */
const ID_MAX = 0xfffffffe;

function record(text: string | undefined, matches: (fields: string[]) => boolean): string[] | undefined {
  return text
    ?.split('\n')
    .map((line) => line.split(':'))
    .find(matches);
}

function numericId(text: string, where: string): number {
  const id = Number(text);
  if (id > ID_MAX) throw new UserError(`${where}: ${text} is too large for a user or group number`);
  return id;
}

function idField(fields: readonly string[], index: number, file: string, where: string): number {
  const text = fields[index] ?? '';
  if (!NUMBER.test(text))
    throw new UserError(`${where}: the line of ${fields[0]} in ${file} has no number in field ${index + 1}`);
  return numericId(text, where);
}

/**
 * Finds the user and group numbers for `USER` or `USER:GROUP`; both can be numbers. A user name
 * without a group means the user's own group. A user number without a group is also the number of
 * the group.
 *
 * @param where `FILE:LINE` for error messages
 * @throws UserError for a name that the stage does not have
 */
export function lookUpOwner(text: string, accounts: AccountFiles, where: string): Owner {
  const [user = '', group, ...more] = text.split(':');
  if (more.length > 0 || user === '' || group === '')
    throw new UserError(`${where}: ${text} is not USER or USER:GROUP`);
  let uid: number;
  let gid: number;
  if (NUMBER.test(user)) {
    uid = numericId(user, where);
    gid = uid;
  } else {
    const fields = record(accounts.passwd, ([name]) => name === user);
    if (fields === undefined)
      throw new UserError(
        `${where}: no user ${user} in this stage's /etc/passwd; create it first, or write a number`,
      );
    uid = idField(fields, 2, '/etc/passwd', where);
    gid = idField(fields, 3, '/etc/passwd', where);
  }
  if (group !== undefined && NUMBER.test(group)) gid = numericId(group, where);
  else if (group !== undefined) {
    const fields = record(accounts.group, ([name]) => name === group);
    if (fields === undefined)
      throw new UserError(
        `${where}: no group ${group} in this stage's /etc/group; create it first, or write a number`,
      );
    gid = idField(fields, 2, '/etc/group', where);
  }
  return { uid, gid };
}

/**
 * Returns the home directory of a user by name or number; `undefined` if /etc/passwd does not have
 * it.
 */
export function homeDirectory(user: string, accounts: AccountFiles): string | undefined {
  const name = user.split(':')[0] ?? '';
  const index = NUMBER.test(name) ? 2 : 0;
  const home = record(accounts.passwd, (fields) => fields[index] === name)?.[5];
  return home === undefined || home === '' ? undefined : home;
}
