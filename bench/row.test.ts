import { expect, test } from 'vitest';
import { compareFacts } from './row.ts';

test('a fact without a tolerance must be equal', () => {
  expect(() => compareFacts({ files: 10 }, { files: 11 })).toThrow('files: ours 10, theirs 11');
  expect(() => compareFacts({ files: 11 }, { files: 11 })).not.toThrow();
});

test('a fact with a tolerance may be smaller, or larger by at most the factor', () => {
  expect(() => compareFacts({ bytes: 90 }, { bytes: 100 }, { bytes: 1.02 })).not.toThrow();
  expect(() => compareFacts({ bytes: 102 }, { bytes: 100 }, { bytes: 1.02 })).not.toThrow();
  expect(() => compareFacts({ bytes: 103 }, { bytes: 100 }, { bytes: 1.02 })).toThrow('1.02 times');
});
