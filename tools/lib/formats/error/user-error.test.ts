import { expect, test } from 'vitest';
import { UserError } from './user-error.ts';

test('a message is one line without control characters, even if it quotes some', () => {
  expect(new UserError('no member "a\nb\u001b[2J\u0085é"').message).toBe('no member "a\\012b\\033[2J\\205é"');
});
