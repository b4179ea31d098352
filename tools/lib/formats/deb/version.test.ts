import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { realTool } from '../../testing/real-tool.ts';
import { compareVersions } from './version.ts';

function dpkgOrder(left: string, right: string): number {
  const holds = (operator: string) =>
    spawnSync(realTool('dpkg', 'dpkg'), ['--compare-versions', left, operator, right]).status === 0;
  return holds('lt') ? -1 : holds('gt') ? 1 : 0;
}

const PAIRS: [string, string][] = [
  ['1', '1'],
  ['1.0', '1.00'],
  ['1.9', '1.10'],
  ['1', '1-0'],
  ['0:1', '1'],
  ['1:1', '2'],
  ['1:2:3', '1:2'],
  ['1.0~rc1', '1.0'],
  ['1.0~~', '1.0~'],
  ['1.0~~a', '1.0~'],
  ['1.0', '1.0a'],
  ['1.0a', '1.0+'],
  ['1.0A', '1.0a'],
  ['1.0-1', '1.0-1+b1'],
  ['1.0-1~deb13u1', '1.0-1'],
  ['1-2-3', '1-2'],
  ['1.a', '1.1'],
  ['1.', '1.0'],
  ['6.12.107-1', '6.12.94-1'],
  ['2.41-12+deb13u4', '2.41-12+deb13u10'],
  ['00012', '12'],
  ['99999999999999999999', '100000000000000000000'],
  ['1.3.dfsg+really1.3.1-1+b1', '1.3.dfsg-3'],
];

describe('compareVersions', () => {
  test.each(PAIRS)('orders %s and %s as dpkg does', (left, right) => {
    expect(Math.sign(compareVersions(left, right))).toBe(dpkgOrder(left, right));
    expect(Math.sign(compareVersions(right, left))).toBe(dpkgOrder(right, left));
  });

  test('orders any versions as dpkg does', () => {
    const part = fc.string({ unit: fc.constantFrom(...'019aZ.+~'), minLength: 1, maxLength: 6 });
    const version = fc
      .tuple(fc.constantFrom('', '0:', '1:'), part, fc.constantFrom('', '-'), part)
      .map(([epoch, upstream, hyphen, rest]) => `${epoch}1${upstream}${hyphen}${rest}`);
    fc.assert(
      fc.property(version, version, (left, right) => {
        expect(Math.sign(compareVersions(left, right))).toBe(dpkgOrder(left, right));
      }),
      { numRuns: 100, seed: 1 },
    );
  });
});
