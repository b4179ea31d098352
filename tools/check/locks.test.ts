import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseLock } from '../update-lock/lock.ts';
import { readLockRequests } from '../update-lock/request.ts';

const LOCKS = resolve(import.meta.dirname, '../../ic-os/locks');
const requests = readLockRequests(LOCKS, []);

describe('if one of these fails, run: tools/bazel run //ic-os/locks:update_lock', () => {
  test.each(requests)('the lock $name was made from the package lists', ({ name, sets }) => {
    const file = `${name}.lock.json`;
    const requested = parseLock(readFileSync(join(LOCKS, file), 'utf8'), file)?.requested ?? {};
    const asked = Object.entries(sets).map(([set, packages]) => [set, packages.toSorted()]);
    expect(requested).toEqual(Object.fromEntries(asked));
  });

  test('update_lock writes every lock file', () => {
    const files = readdirSync(LOCKS).filter((file) => file.endsWith('.lock.json'));
    expect(files.sort()).toEqual(requests.map(({ name }) => `${name}.lock.json`).sort());
  });
});
