import { describe, expect, test } from 'vitest';
import { fatTime, secondsOf } from './time.ts';

const seconds = (text: string): number => Date.parse(`${text}Z`) / 1000;

describe('time stamps', () => {
  test.each([
    ['1970-01-01T00:00:00', '1980-01-01T00:00:00'],
    ['1979-12-31T23:59:59', '1980-01-01T00:00:00'],
    ['1980-01-01T00:00:00', '1980-01-01T00:00:00'],
    ['1980-01-01T00:00:03', '1980-01-01T00:00:02'],
    ['2000-02-29T23:59:58', '2000-02-29T23:59:58'],
    ['2038-01-19T03:14:08', '2038-01-19T03:14:08'],
    ['2107-12-31T23:59:58', '2107-12-31T23:59:58'],
    ['2108-01-01T00:00:00', '2107-12-31T23:59:58'],
  ])('%s is stored as %s', (given, kept) => {
    expect(secondsOf(fatTime(seconds(given)))).toBe(seconds(kept));
  });

  test('the bits are the ones of the specification', () => {
    expect(fatTime(seconds('2024-02-29T13:14:16'))).toEqual({
      date: (44 << 9) | (2 << 5) | 29,
      time: (13 << 11) | (14 << 5) | 8,
    });
    expect(secondsOf({ date: 0, time: 0 })).toBe(seconds('1980-01-01T00:00:00'));
  });
});
