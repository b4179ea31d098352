/** Identifiers derived from the stable name of the target that builds it and a role. */

import { createHash } from 'node:crypto';
import { serialFromName, type Uuid, uuidFromName } from './uuid.ts';

/** Separates the stable name of a target from a role. */
const SEPARATOR = '#';

/**
 * The roles with another separator. Disks were published with it before the common separator
 * existed. A change would give every existing disk a new identity.
 */
const HISTORICAL_SEPARATORS: ReadonlyMap<string, string> = new Map([['disk-guid', ' ']]);

/**
 * Returns the name that an identifier is derived from.
 *
 * @param identity the stable name of the target, such as `//ic-os/guestos:root`
 * @param role the use of the identifier, such as `verity-uuid`
 */
export function identityName(identity: string, role: string): string {
  return `${identity}${HISTORICAL_SEPARATORS.get(role) ?? SEPARATOR}${role}`;
}

/** Derives a UUID (version 5). */
export function derivedUuid(identity: string, role: string): Uuid {
  return uuidFromName(identityName(identity, role));
}

/** Derives a 32-bit serial number. */
export function derivedSerial(identity: string, role: string): number {
  return serialFromName(identityName(identity, role));
}

/** Derives 32 bytes in hexadecimal: the SHA-256 of the name. */
export function derivedSalt(identity: string, role: string): string {
  return createHash('sha256').update(identityName(identity, role)).digest('hex');
}
