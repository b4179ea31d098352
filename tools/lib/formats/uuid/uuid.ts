/**
 * Converts universally unique identifiers (RFC 9562) between lower-case strings and their sixteen
 * bytes, in both orders that disks use. Derives the default identifiers of this project from names.
 */
import { createHash } from 'node:crypto';
import { UserError } from '../error/user-error.ts';

/** A UUID in its text form: `8-4-4-4-12` hexadecimal digits, lower case. */
export type Uuid = string;

/** The namespace of all identifiers that this project derives from names. It must never change. */
export const PROJECT_NAMESPACE: Uuid = '423419ee-6fd7-4255-a391-37f2ab7a17f5';

export const NIL_UUID: Uuid = '00000000-0000-0000-0000-000000000000';

/** RFC 9562 section 4: sixteen bytes. */
export const UUID_BYTES = 16;

const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * RFC 9562 section 4.2 and 4.1: the version is the high half of byte 6, the variant the two high
 * bits of byte 8.
 */
const VERSION_BYTE = 6;
const VERSION_5 = 0x50;
const VARIANT_BYTE = 8;
const VARIANT_RFC = 0x80;

/** Reports whether `text` is a UUID in its usual form, in upper or lower case. */
export function isUuid(text: string): boolean {
  return UUID_PATTERN.test(text);
}

/**
 * Converts a UUID from outside to lower case.
 *
 * @param what names the UUID in the error message
 * @throws UserError if `text` is not a UUID
 */
export function parseUuid(text: string, what = 'UUID'): Uuid {
  if (!isUuid(text)) {
    throw new UserError(
      `${what} ${JSON.stringify(text)} is not a UUID: write 32 hexadecimal digits as 8-4-4-4-12, such as ${PROJECT_NAMESPACE}`,
    );
  }
  return text.toLowerCase();
}

/**
 * Returns the sixteen bytes in the order of the text (RFC 9562 section 4, big-endian), which ext4,
 * dm-verity and LUKS use.
 */
export function uuidToBytes(uuid: Uuid): Uint8Array {
  return Uint8Array.from(Buffer.from(parseUuid(uuid).replaceAll('-', ''), 'hex'));
}

/** Returns the text form of sixteen bytes in the order of the text. */
export function uuidFromBytes(bytes: Uint8Array): Uuid {
  if (bytes.length !== UUID_BYTES)
    throw new RangeError(`a UUID has ${UUID_BYTES} bytes, not ${bytes.length}`);
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/**
 * UEFI 2.10 appendix A: the first three fields are little-endian, the others are in the order of
 * the text.
 */
const GUID_BYTE_ORDER: readonly number[] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

function swapGuidFields(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(GUID_BYTE_ORDER, (index) => bytes[index] ?? 0);
}

/** Returns the sixteen bytes in the mixed-endian order of UEFI, which GPT uses. */
export function uuidToGuidBytes(uuid: Uuid): Uint8Array {
  return swapGuidFields(uuidToBytes(uuid));
}

/** Returns the text form of sixteen bytes in the mixed-endian order of UEFI. */
export function uuidFromGuidBytes(bytes: Uint8Array): Uuid {
  if (bytes.length !== UUID_BYTES)
    throw new RangeError(`a GUID has ${UUID_BYTES} bytes, not ${bytes.length}`);
  return uuidFromBytes(swapGuidFields(bytes));
}

/** Derives the name-based UUID (version 5, RFC 9562 section 5.5) of `name` within `namespace`. */
export function uuidFromName(name: string, namespace: Uuid = PROJECT_NAMESPACE): Uuid {
  const digest = createHash('sha1').update(uuidToBytes(namespace)).update(name, 'utf8').digest();
  const bytes = Uint8Array.from(digest.subarray(0, UUID_BYTES));
  bytes[VERSION_BYTE] = ((bytes[VERSION_BYTE] ?? 0) & 0x0f) | VERSION_5;
  bytes[VARIANT_BYTE] = ((bytes[VARIANT_BYTE] ?? 0) & 0x3f) | VARIANT_RFC;
  return uuidFromBytes(bytes);
}

/**
 * Derives a 32-bit serial number from `name` (FAT volume identifiers): the first four bytes of its
 * UUID.
 */
export function serialFromName(name: string, namespace: Uuid = PROJECT_NAMESPACE): number {
  return Number.parseInt(uuidFromName(name, namespace).slice(0, 8), 16);
}
