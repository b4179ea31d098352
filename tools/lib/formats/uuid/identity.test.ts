import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { derivedSalt, derivedSerial, derivedUuid, identityName } from './identity.ts';
import { serialFromName, uuidFromName } from './uuid.ts';

test.each([
  ['uuid', '//a:b#uuid'],
  ['verity-salt', '//a:b#verity-salt'],
  ['disk-guid', '//a:b disk-guid'],
  ['constructor', '//a:b#constructor'],
])('the name for the role %s never changes', (role, name) => {
  expect(identityName('//a:b', role)).toBe(name);
  expect(derivedUuid('//a:b', role)).toBe(uuidFromName(name));
  expect(derivedSerial('//a:b', role)).toBe(serialFromName(name));
  expect(derivedSalt('//a:b', role)).toBe(createHash('sha256').update(name).digest('hex'));
});
