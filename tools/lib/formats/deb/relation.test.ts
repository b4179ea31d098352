import { describe, expect, test } from 'vitest';
import { parseControl } from './control.ts';
import { replaces } from './relation.ts';

const paragraph = (text: string) => {
  const [first] = parseControl(text, 'control');
  if (first === undefined) throw new Error('no paragraph');
  return first;
};

const OWNER = paragraph('Package: owner\nVersion: 2.0-1\nProvides: virtual, versioned (= 5)');

describe('replaces', () => {
  test.each([
    ['owner', true],
    ['other', false],
    ['other, owner', true],
    ['owner (<< 2.0-2)', true],
    ['owner (<< 2.0-1)', false],
    ['owner (<= 2.0-1)', true],
    ['owner (>> 2.0-1)', false],
    ['owner (>= 2.0-1)', true],
    ['owner (= 2.0-1)', true],
    ['owner(<<3)', true],
    ['owner:any (<< 3)', true],
    ['virtual', true],
    ['versioned (<< 6)', true],
    ['versioned (<< 5)', false],
    ['', false],
  ])('"Replaces: %s": %s', (field, expected) => {
    expect(replaces(paragraph(`Package: taker\nReplaces: ${field}`), OWNER)).toBe(expected);
  });

  test('no field replaces nothing', () => {
    expect(replaces(paragraph('Package: taker'), OWNER)).toBe(false);
  });
});
