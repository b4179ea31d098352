import { expect, test } from 'vitest';
import { spread } from './statistics.ts';

test('the median of an odd number of samples is the one in the middle, by size and not by text', () => {
  expect(spread([10, 9, 100, 2, 30])).toEqual({ median: 10, minimum: 2, maximum: 100 });
});

test('the median of an even number of samples lies between the two in the middle', () => {
  expect(spread([4, 1, 2, 100]).median).toBe(3);
});

test('no sample is an error, not a zero', () => {
  expect(() => spread([])).toThrow('no sample');
});
