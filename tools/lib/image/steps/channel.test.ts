import { expect, test } from 'vitest';
import { GuestChannel, GuestChannelError, type GuestEvent } from './channel.ts';

const MARK = '\x1e0123';

/**
 * Feeds pieces to the channel. Returns outputs as text, and events, in order; adjacent outputs are
 * joined.
 */
function take(pieces: readonly string[]): (string | GuestEvent)[] {
  const seen: (string | GuestEvent)[] = [];
  const channel = new GuestChannel(
    MARK,
    (bytes) => {
      const text = Buffer.from(bytes).toString('latin1');
      const last = seen.at(-1);
      if (typeof last === 'string') seen[seen.length - 1] = last + text;
      else seen.push(text);
    },
    (event) => seen.push(event),
  );
  for (const piece of pieces) channel.push(Buffer.from(piece, 'latin1'));
  channel.end();
  return seen;
}

const STREAM =
  `${MARK} start 0\nout\nput${MARK} trouble user x is not here\n` +
  `${MARK} exit 0 137\n${MARK} space 3 4096 7\n\n${MARK.slice(0, -1)} \xff\0` +
  `${MARK} error no way\n${MARK} done\n`;

const EXPECTED = [
  { kind: 'start', step: 0 },
  'out\nput',
  { kind: 'trouble', text: 'user x is not here' },
  { kind: 'exit', step: 0, status: 137 },
  { kind: 'space', freeBytes: 3 * 4096, freeInodes: 7 },
  `\n${MARK.slice(0, -1)} \xff\0`,
  { kind: 'error', text: 'no way' },
  { kind: 'done' },
];

test('separates output from messages of the guest, for every cut of the stream', () => {
  expect(take([STREAM])).toEqual(EXPECTED);
  expect(take([...STREAM])).toEqual(EXPECTED);
  for (let cut = 1; cut < STREAM.length; cut++) {
    expect(take([STREAM.slice(0, cut), STREAM.slice(cut)])).toEqual(EXPECTED);
  }
});

test('passes output on at once, except bytes that may be the start of a message', () => {
  const outputs: string[] = [];
  const channel = new GuestChannel(
    MARK,
    (bytes) => outputs.push(Buffer.from(bytes).toString()),
    () => {},
  );
  channel.push(Buffer.from('Continue?\n\x1e01'));
  expect(outputs).toEqual(['Continue?\n']);
  channel.push(Buffer.from('x'));
  expect(outputs.join('')).toBe('Continue?\n\x1e01x');
});

test('an incomplete message of a killed guest is output', () => {
  expect(take([`x\n${MARK} exi`])).toEqual([`x\n${MARK} exi`]);
});

test('an unknown message of the guest is an error', () => {
  expect(() => take([`${MARK} dance\n`])).toThrow(GuestChannelError);
});
