import { UserError } from '../error/user-error.ts';
import { type Uuid, uuidFromName, uuidToBytes } from '../uuid/uuid.ts';

/**
 * LVM's own kind of UUID (lib/id/id.c): 32 characters of an alphabet of 64, written in groups of
 * 6-4-4-4-4-4-6. It has no relation to RFC 9562.
 */
export type LvmUuid = string;

/**
 * id.c: the last two are read, and never given to a new volume ("LVM1 backwards compatibility").
 */
const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#';
const GIVEN_CHARACTERS = 62;
const CHARACTERS = 32;
const GROUPS: readonly number[] = [6, 4, 4, 4, 4, 4, 6];

const UUID_PATTERN = /^[0-9a-zA-Z!#]{32}$/;

/** Brings 32 characters into groups. */
export function formatLvmUuid(characters: string): LvmUuid {
  let position = 0;
  return GROUPS.map((length) => {
    position += length;
    return characters.slice(position - length, position);
  }).join('-');
}

/**
 * Brings an LVM UUID from outside into its usual form. As lvm2 does, dashes may stand anywhere or
 * be missing.
 *
 * @param what names it in the error
 * @throws UserError where it is none
 */
export function parseLvmUuid(text: string, what = 'UUID'): LvmUuid {
  const characters = text.replaceAll('-', '');
  if (!UUID_PATTERN.test(characters)) {
    throw new UserError(
      `${what} "${text}" is not an LVM UUID: write 32 letters and digits as 6-4-4-4-4-4-6, ` +
        'such as 4c7GVZ-Df82-QEcJ-xXtV-JgRL-IjLE-hK0FgA',
    );
  }
  return formatLvmUuid(characters);
}

/** The 32 bytes of a label. */
export function lvmUuidToBytes(uuid: LvmUuid): Buffer {
  return Buffer.from(parseLvmUuid(uuid).replaceAll('-', ''), 'latin1');
}

/** The 32 characters of a label's bytes, or `undefined` where they are not of the alphabet. */
export function lvmUuidFromBytes(bytes: Uint8Array): string | undefined {
  const characters = Buffer.from(bytes).toString('latin1');
  return UUID_PATTERN.test(characters) ? characters : undefined;
}

/**
 * The identifier of a name: the 32 bytes of the project's UUIDs (version 5) of `NAME#lvm-1` and
 * `NAME#lvm-2`, each byte modulo 62 an index into lvm2's alphabet, as lvm2 makes one of random
 * bytes.
 */
export function lvmUuidFromName(name: string): LvmUuid {
  const uuids: readonly Uuid[] = [uuidFromName(`${name}#lvm-1`), uuidFromName(`${name}#lvm-2`)];
  const bytes = uuids.flatMap((uuid) => [...uuidToBytes(uuid)]);
  const characters = bytes.map((byte) => ALPHABET.charAt(byte % GIVEN_CHARACTERS)).join('');
  return formatLvmUuid(characters.slice(0, CHARACTERS));
}
