import { describe, expect, test } from 'vitest';
import { UserError } from '../error/user-error.ts';
import { lvmUuidFromName, lvmUuidToBytes, parseLvmUuid } from './identifier.ts';
import { checkGroupName, checkTag, checkVolumeName, mapperName } from './names.ts';

describe('identifiers', () => {
  test('derived from a name never change between versions of this project', () => {
    expect(lvmUuidFromName('//ic-os/hostos:hostlvm')).toBe('7CzyWQ-x1fy-NrUd-C8bA-msS8-jmcE-RDQT1V');
    expect(lvmUuidFromName('//ic-os/hostos:other')).not.toBe(lvmUuidFromName('//ic-os/hostos:hostlvm'));
  });

  test('are read with and without dashes, and are 32 bytes on disk', () => {
    const uuid = 'eu0VQE-HlTi-EyRc-GceP-xZtn-3j6t-iqEwyv';
    expect(parseLvmUuid(uuid.replaceAll('-', ''))).toBe(uuid);
    expect(lvmUuidToBytes(uuid).toString()).toBe('eu0VQEHlTiEyRcGcePxZtn3j6tiqEwyv');
  });

  test.each(['', 'eu0VQE', '6788e4cf-f456-104e-9a34-a2c58cfb0ee', 'eu0VQE-HlTi-EyRc-GceP-xZtn-3j6t-iqEwy_'])(
    'that are not LVM UUIDs are refused: %j',
    (text) => {
      expect(() => parseLvmUuid(text, '--vg-uuid')).toThrow(UserError);
      expect(() => parseLvmUuid(text, '--vg-uuid')).toThrow(/^--vg-uuid ".*" is not an LVM UUID/);
    },
  );
});

describe('names', () => {
  test.each(['vg', 'A_root', '0', '.a', 'a-b+c.d', 'x'.repeat(100)])('lvm2 accepts %j', (name) => {
    expect(() => checkGroupName(name)).not.toThrow();
    expect(() => checkVolumeName('vg', name)).not.toThrow();
  });

  test.each(['', '-a', '.', '..', 'a b', 'a/b', 'ä', 'x'.repeat(128)])('lvm2 refuses %j', (name) => {
    expect(() => checkGroupName(name)).toThrow(UserError);
    expect(() => checkVolumeName('vg', name)).toThrow(UserError);
  });

  test.each(['pvmove0', 'snapshot1', 'a_tdata', 'my_rimage_0', 'lvol0_pmspare'])(
    'lvm2 reserves %j among logical volumes',
    (name) => {
      expect(() => checkGroupName(name)).not.toThrow();
      expect(() => checkVolumeName('vg', name)).toThrow(/reserves/);
    },
  );

  test("the kernel's limit counts doubled hyphens", () => {
    expect(mapperName('a-b', 'c-d')).toBe('a--b-c--d');
    expect(() => checkVolumeName('v'.repeat(26), 'a'.repeat(100))).not.toThrow();
    expect(() => checkVolumeName('v'.repeat(25).concat('-'), 'a'.repeat(100))).toThrow(
      /128 characters, the kernel/,
    );
  });

  test.each(['', 'a b', 'ä', '@a'])('a tag is not %j', (tag) => {
    expect(() => checkTag(tag)).toThrow(UserError);
  });
});
