import { describe, expect, test } from 'vitest';
import { describeChanges } from './changes.ts';
import { formatLock, type Lock, type LockedPackage, parseLock } from './lock.ts';

function locked(name: string, version: string, more: Partial<LockedPackage> = {}): LockedPackage {
  return {
    name,
    version,
    architecture: 'amd64',
    source: name,
    poolPath: `pool/main/${name}_${version}_amd64.deb`,
    sizeBytes: 1,
    sha256: '00',
    sets: ['all'],
    ...more,
  };
}

const LOCK: Lock = {
  version: 1,
  suites: ['trixie'],
  architecture: 'amd64',
  requested: { all: ['zstd', 'jq'] },
  packages: [locked('zstd', '1'), locked('jq', '1'), locked('jq-doc', '1')],
};

describe('the lock as text', () => {
  test('is read back unchanged, but sorted', () => {
    const lock = parseLock(formatLock(LOCK), 'x.lock.json');
    expect(lock?.packages.map(({ name }) => name)).toEqual(['jq', 'jq-doc', 'zstd']);
    expect(lock?.requested).toEqual({ all: ['jq', 'zstd'] });
    expect(formatLock(lock ?? LOCK)).toBe(formatLock(LOCK));
  });

  test('has one line per package, so that a change of one package changes one line', () => {
    const before = formatLock(LOCK).split('\n');
    const packages = [locked('zstd', '2'), ...LOCK.packages.slice(1)];
    const after = formatLock({ ...LOCK, packages }).split('\n');
    expect(after.filter((line, index) => line !== before[index])).toHaveLength(1);
  });

  test('of another version is ignored, and text that is not JSON is refused', () => {
    expect(parseLock('{"version": 2, "packages": []}', 'x')).toBeUndefined();
    expect(() => parseLock('{', 'x.lock.json')).toThrow(
      /^x\.lock\.json: not JSON: .+; delete the file to create the lock again$/,
    );
  });

  test.each([
    [[], 'expected an object, found a list'],
    [{ ...LOCK, packages: undefined }, 'the key "packages" is missing'],
    [
      { ...LOCK, packages: [{ ...LOCK.packages[0], sizeBytes: '1' }] },
      'packages[0].sizeBytes: expected a whole',
    ],
  ])('with a mistake is refused: %j', (lock, message) => {
    expect(() => parseLock(JSON.stringify(lock), 'x.lock.json')).toThrow(`x.lock.json: ${message}`);
  });
});

describe('describeChanges', () => {
  test.each<[string, LockedPackage[], LockedPackage[], string[]]>([
    ['nothing', [locked('a', '1')], [locked('a', '1')], []],
    ['new', [], [locked('a', '1')], ['added       a 1']],
    ['gone', [locked('a', '1')], [], ['removed     a 1']],
    ['newer', [locked('a', '1.9')], [locked('a', '1.10')], ['upgraded    a 1.9 -> 1.10']],
    ['older', [locked('a', '1:1')], [locked('a', '2')], ['downgraded  a 1:1 -> 2']],
    [
      'other bytes',
      [locked('a', '1')],
      [locked('a', '1', { sha256: '11' })],
      ['rebuilt     a 1: same version, other bytes'],
    ],
    [
      'other sets',
      [locked('a', '1')],
      [locked('a', '1', { sets: ['dev'] })],
      ['moved       a 1: all -> dev'],
    ],
  ])('%s', (_name, before, after, lines) => expect(describeChanges(before, after)).toEqual(lines));

  test('is sorted by name', () => {
    expect(describeChanges([locked('b', '1')], [locked('c', '1'), locked('a', '1')])).toEqual([
      'added       a 1',
      'removed     b 1',
      'added       c 1',
    ]);
  });
});
