import { describe, expect, test } from 'vitest';
import {
  NIL_UUID,
  PROJECT_NAMESPACE,
  parseUuid,
  serialFromName,
  uuidFromBytes,
  uuidFromGuidBytes,
  uuidFromName,
  uuidToBytes,
  uuidToGuidBytes,
} from './uuid.ts';

/** RFC 9562 appendix A.4 and section 6.6. */
const NAMESPACE_DNS = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';

/** UEFI 2.10 table 5.7: the type of the EFI system partition, and its bytes on disk. */
const ESP_GUID = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b';
const ESP_BYTES = '28732ac11ff8d211ba4b00a0c93ec93b';

describe('uuid', () => {
  test('a name-based UUID is that of the example in the RFC', () => {
    expect(uuidFromName('www.example.com', NAMESPACE_DNS)).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
  });

  test('the identifier that is derived from a name never changes between versions of this project', () => {
    expect(PROJECT_NAMESPACE).toBe('423419ee-6fd7-4255-a391-37f2ab7a17f5');
    expect(uuidFromName('//ic-os/guestos:root')).toBe('00561103-b3c7-59d7-a826-d36efec81496');
    expect(serialFromName('//ic-os/guestos:root')).toBe(0x00561103);
  });

  test('different names have different UUIDs', () => {
    const names = ['', 'a', 'b', 'ä', 'a '];
    expect(new Set(names.map((name) => uuidFromName(name))).size).toBe(names.length);
  });

  test('a GUID on disk is mixed-endian, a UUID on disk is not', () => {
    expect(Buffer.from(uuidToGuidBytes(ESP_GUID)).toString('hex')).toBe(ESP_BYTES);
    expect(Buffer.from(uuidToBytes(ESP_GUID)).toString('hex')).toBe(ESP_GUID.replaceAll('-', ''));
    expect(uuidFromGuidBytes(uuidToGuidBytes(ESP_GUID))).toBe(ESP_GUID);
    expect(uuidFromBytes(uuidToBytes(ESP_GUID))).toBe(ESP_GUID);
  });

  test('upper case is converted to lower case', () => {
    expect(parseUuid(ESP_GUID.toUpperCase())).toBe(ESP_GUID);
    expect(parseUuid(NIL_UUID)).toBe(NIL_UUID);
  });

  test.each([
    '',
    'c12a7328',
    `${ESP_GUID}0`,
    `{${ESP_GUID}}`,
    ESP_GUID.replaceAll('-', ''),
    ESP_GUID.replace('c', 'g'),
  ])('text that is not a UUID is refused: %j', (text) => {
    expect(() => parseUuid(text, 'partition UUID of esp')).toThrow(
      /^partition UUID of esp ".*" is not a UUID: write/,
    );
  });

  test('a wrong number of bytes is a defect of the caller', () => {
    expect(() => uuidFromBytes(new Uint8Array(15))).toThrow(RangeError);
    expect(() => uuidFromGuidBytes(new Uint8Array(17))).toThrow(RangeError);
  });
});
