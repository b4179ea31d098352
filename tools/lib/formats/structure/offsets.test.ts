import { expect, test } from 'vitest';
import { offsetsOf } from './offsets.ts';
import { structure } from './structure.ts';

test('offsets are those of the table', () => {
  const label = structure([
    [0, 8, 'id'],
    [12, 4, 'size'],
  ]);
  expect(offsetsOf(label)).toEqual({ id: 0, size: 12 });
});
