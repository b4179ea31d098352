import { expect, test } from 'vitest';
import { spread } from './statistics.ts';

test('the median of an odd number of samples is the middle one in numeric order', () => {
  expect(spread([10, 9, 100, 2, 30])).toEqual({ median: 10, minimum: 2, maximum: 100 });
});

test('the median of an even number of samples is the mean of the middle two', () => {
  expect(spread([4, 1, 2, 100]).median).toBe(3);
});

test('an empty list of samples is an error, not zero', () => {
  expect(() => spread([])).toThrow('no samples');
});
