import { UserError } from '../error/user-error.ts';
import { derivedUuid } from '../uuid/identity.ts';
import { uuidToBytes } from '../uuid/uuid.ts';

/**
 * A UUID of LVM (lib/id/id.c): 32 characters of an alphabet of 64, written in groups of
 * 6-4-4-4-4-4-6. It is unrelated to RFC 9562.
 */
export type LvmUuid = string;

/**
 * id.c: the last two characters are accepted, but not used for new volumes ("LVM1 backwards
 * compatibility").
 */
const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#';
const GIVEN_CHARACTERS = 62;
const CHARACTERS = 32;
const GROUPS: readonly number[] = [6, 4, 4, 4, 4, 4, 6];

const UUID_PATTERN = /^[0-9a-zA-Z!#]{32}$/;

/** Splits 32 characters into groups. */
export function formatLvmUuid(characters: string): LvmUuid {
  let position = 0;
  return GROUPS.map((length) => {
    position += length;
    return characters.slice(position - length, position);
  }).join('-');
}

/**
 * Parses an LVM UUID. As in lvm2, dashes may be anywhere or absent.
 *
 * @param what the name of the UUID in the error
 * @throws UserError if the text is not an LVM UUID
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

/** Returns the 32 bytes that a label stores. */
export function lvmUuidToBytes(uuid: LvmUuid): Buffer {
  return Buffer.from(parseLvmUuid(uuid).replaceAll('-', ''), 'latin1');
}

/**
 * Returns the 32 characters that a label stores, or `undefined` if they are not in the alphabet.
 */
export function lvmUuidFromBytes(bytes: Uint8Array): string | undefined {
  const characters = Buffer.from(bytes).toString('latin1');
  return UUID_PATTERN.test(characters) ? characters : undefined;
}

/**
 * Derives an identifier from a name. The 32 bytes are those of the project's UUIDs (version 5) of
 * `NAME#lvm-1` and `NAME#lvm-2`. Each byte modulo 62 is an index into lvm2's alphabet, as lvm2 does
 * with random bytes.
 */
export function lvmUuidFromName(name: string): LvmUuid {
  const uuids = [derivedUuid(name, 'lvm-1'), derivedUuid(name, 'lvm-2')];
  const bytes = uuids.flatMap((uuid) => [...uuidToBytes(uuid)]);
  const characters = bytes.map((byte) => ALPHABET.charAt(byte % GIVEN_CHARACTERS)).join('');
  return formatLvmUuid(characters.slice(0, CHARACTERS));
}
