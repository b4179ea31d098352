/** Reads files of gzip members as a stream, from any tool and with any chunks. */

import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  collect,
  expectDamageDetected,
  filter,
  writeInPieces,
} from '../../testing/compression/compression.ts';
import { UserError } from '../error/user-error.ts';
import type { FieldAccess } from '../structure/structure.ts';
import { FLG_FCOMMENT, FLG_FEXTRA, FLG_FNAME, MEMBER_HEADER, MEMBER_TRAILER } from './format.ts';
import { gzipDecompressStream, MemberWriter } from './gzip.ts';

const gzip = (args: readonly string[], input: Uint8Array) => filter('gzip', 'gzip', args, input);
const read = (...chunks: Uint8Array[]) => collect(gzipDecompressStream(chunks, 'a.gz'));

/** Makes a member with the optional fields extra, name and comment (RFC 1952, section 2.3). */
function withAllFields(content: Uint8Array): Buffer {
  const plain = gzipSync(content);
  const header = Buffer.from(plain.subarray(0, MEMBER_HEADER.sizeBytes));
  header[MEMBER_HEADER.at.FLG.offsetBytes] = FLG_FEXTRA | FLG_FNAME | FLG_FCOMMENT;
  const fields = Buffer.from('\x06\0BC\x02\0ab' + 'name\0' + 'comment\0', 'latin1');
  return Buffer.concat([header, fields, plain.subarray(header.length)]);
}

describe('a stream of members', () => {
  const contents = [Buffer.alloc(1000, 'one '), Buffer.alloc(0), Buffer.alloc(500, 'b')];
  const whole = Buffer.concat(contents);
  const members = [
    gzip(['-9c'], contents[0] as Buffer),
    gzipSync(contents[1] as Buffer),
    withAllFields(contents[2] as Buffer),
  ];

  it.each([0, 1, 600])(
    'and %i zeros gives the contents of all members, wherever the input is cut',
    async (zeros) => {
      const bytes = Buffer.concat([...members, Buffer.alloc(zeros)]);
      expect((await read(bytes)).equals(whole)).toBe(true);
      const step = zeros > 100 ? 37 : 1;
      for (let cut = 1; cut < bytes.length; cut += step) {
        expect((await read(bytes.subarray(0, cut), bytes.subarray(cut))).equals(whole), `cut at ${cut}`).toBe(
          true,
        );
      }
      expect((await read(...Array.from(bytes, (byte) => Uint8Array.of(byte)))).equals(whole)).toBe(true);
    },
  );

  it('compressed in parallel is one file for gzip, and the same for any pieces', async () => {
    const content = Buffer.alloc(50_000, 'some text that repeats, ');
    const written = async (cuts: readonly number[]): Promise<Buffer> => {
      const found: Uint8Array[] = [];
      const writer = new MemberWriter((member) => found.push(member), { contentBytes: 7000 });
      await writeInPieces(writer, content, cuts);
      expect(found.length).toBe(8);
      return Buffer.concat(found);
    };
    const expected = await written([]);
    gzip(['-t'], expected);
    expect(gzip(['-dc'], expected).equals(content)).toBe(true);
    expect((await read(expected)).equals(content)).toBe(true);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: content.length }), { maxLength: 9 }), async (cuts) => {
        expect((await written(cuts)).equals(expected)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });
});

describe('a file that is not a stream of members is refused, with its name:', () => {
  const member = gzipSync(Buffer.alloc(1000, 'content '));
  const withTrailer = ({ offsetBytes }: FieldAccess): Buffer => {
    const start = member.length - MEMBER_TRAILER.sizeBytes + offsetBytes;
    return Buffer.from(member).fill(1, start, start + 1);
  };

  it.each<[string, Buffer]>([
    ['an empty file', Buffer.alloc(0)],
    ['other bytes after a member', Buffer.concat([member, Buffer.from('rubbish')])],
    ['other bytes after zeros', Buffer.concat([member, Buffer.alloc(5), Buffer.from('rubbish')])],
    ['a member after zeros, which gzip would ignore', Buffer.concat([member, Buffer.alloc(5), member])],
    ['half a member after another', Buffer.concat([member, member.subarray(0, 12)])],
    ['a wrong length', withTrailer(MEMBER_TRAILER.at.ISIZE)],
    ['a wrong checksum', withTrailer(MEMBER_TRAILER.at.CRC32)],
  ])('%s', async (_what, bytes) => {
    for (const cut of [0, 5, member.length, member.length + 1, member.length + 6]) {
      const outcome = read(bytes.subarray(0, cut), bytes.subarray(cut));
      await expect(outcome, `cut at ${cut}`).rejects.toThrow(/^a\.gz: [^\n]+$/);
      await expect(outcome).rejects.toBeInstanceOf(UserError);
    }
  });

  it('a member truncated anywhere', async () => {
    for (let length = 1; length < member.length; length++) {
      await expect(read(member.subarray(0, length)), `${length} bytes`).rejects.toBeInstanceOf(UserError);
    }
  });

  it('any damage, unless it has no effect', async () => {
    const original = Buffer.concat([member, withAllFields(Buffer.from('abc'))]);
    await expectDamageDetected(original, read);
  });
});
