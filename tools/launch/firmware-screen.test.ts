import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { FirmwareScreen } from './firmware-screen.ts';

async function filtered(...pieces: string[]): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of Readable.from(pieces.map((piece) => Buffer.from(piece, 'latin1'))).pipe(
    new FirmwareScreen(),
  )) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('latin1');
}

it('the firmware cannot clear the screen, even if its output is cut at any position', async () => {
  const text = 'a\x1b[2J\x1b[01;01H\x1b[=3hb\x1b[12;40Hc';
  expect(await filtered(text)).toBe('a\x1b[=3hbc');
  expect(await filtered(...text)).toBe('a\x1b[=3hbc');
});

it('the guest can, from the first line of its kernel', async () => {
  const text = '\x1b[2J[    0.000000] Linux version 6.12\r\n\x1b[2Jlogin: \xff';
  expect(await filtered(text)).toBe('[    0.000000] Linux version 6.12\r\n\x1b[2Jlogin: \xff');
  expect(await filtered(text.slice(0, 60), text.slice(60))).toBe(text.slice(4));
});

it('an unfinished sequence at the end is passed on', async () => {
  expect(await filtered('a\x1b[2')).toBe('a\x1b[2');
});
