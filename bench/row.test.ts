import { expect, test } from 'vitest';
import { compareFacts } from './row.ts';

test('a fact without tolerance has to be the same', () => {
  expect(() => compareFacts({ files: 10 }, { files: 11 })).toThrow('files: ours 10, theirs 11');
  expect(() => compareFacts({ files: 11 }, { files: 11 })).not.toThrow();
});

test('a fact with tolerance may be less, and more up to the factor', () => {
  expect(() => compareFacts({ bytes: 90 }, { bytes: 100 }, { bytes: 1.02 })).not.toThrow();
  expect(() => compareFacts({ bytes: 102 }, { bytes: 100 }, { bytes: 1.02 })).not.toThrow();
  expect(() => compareFacts({ bytes: 103 }, { bytes: 100 }, { bytes: 1.02 })).toThrow('1.02 times');
});
