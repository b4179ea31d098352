import { describe, expect, it } from 'vitest';
import { file } from '../../testing/entries/entries.ts';
import { archive, readAll } from '../../testing/tar/archive.ts';
import { extendedHeader, header, withRecords } from '../../testing/tar/headers.ts';
import type { FieldAccess } from '../structure/structure.ts';
import { BLOCK_BYTES, HEADER } from './format.ts';
import { sealHeader } from './header.ts';
import { TAR_END } from './writer.ts';

/** A member whose pax records are `body`. */
function rawPax(body: string): Buffer {
  return Buffer.concat([extendedHeader('x', body), header()]);
}

/** A header with another value in a field, and the right checksum. */
function changed(field: FieldAccess, value: string | Uint8Array): Buffer {
  const block = header();
  field.setBytes(block, Buffer.from(value));
  sealHeader(block);
  return block;
}

/** A sparse member in format 1.0 with 512 bytes of data. */
function sparse(map: string, realSize = '8192'): Buffer {
  const mapBytes = Buffer.alloc(BLOCK_BYTES * Math.max(1, Math.ceil(map.length / BLOCK_BYTES)));
  mapBytes.write(map);
  const stored = Buffer.concat([mapBytes, Buffer.alloc(BLOCK_BYTES)]);
  const records = {
    'GNU.sparse.major': '1',
    'GNU.sparse.minor': '0',
    'GNU.sparse.name': 's',
    'GNU.sparse.realsize': realSize,
  };
  return Buffer.concat([withRecords(records, { sizeBytes: stored.length }), stored]);
}

describe('a hostile or damaged archive is refused, with its name, the entry and the rule:', () => {
  it.each<[string, Buffer, string]>([
    [
      'a path that leaves the root',
      header({ name: '../etc/passwd' }),
      'test.tar: entry ../etc/passwd: its path leaves the root through ".."',
    ],
    [
      'a path that leaves the root in its middle',
      header({ name: 'a/../../b' }),
      'entry a/../../b: its path leaves the root',
    ],
    ['an absolute path that leaves the root', header({ name: '/../b' }), 'its path leaves the root'],
    [
      'a pax path that leaves the root',
      withRecords({ path: 'a/../..' }),
      'entry a/../..: its path leaves the root',
    ],
    [
      'a hard link that leaves the root',
      header({ typeFlag: '1', linkName: '../x' }),
      'entry name: its link target leaves the root',
    ],
    ['a hard link to itself', header({ typeFlag: '1', linkName: './name' }), 'it is a hard link to itself'],
    [
      'a hard link to the root',
      header({ typeFlag: '1', linkName: '/' }),
      'it is a hard link to the root directory',
    ],
    ['a symbolic link without a target', header({ typeFlag: '2' }), 'entry name: its link target is empty'],
    ['a NUL in a pax path', withRecords({ path: 'a\0b' }), 'entry a: its path holds a NUL'],
    ['an empty name', header({ name: '' }), 'its name is empty'],
    ['a root that is a file', header({ name: '.' }), 'entry .: the root is not a directory'],
    [
      'a component of 256 bytes',
      withRecords({ path: 'c'.repeat(256) }),
      'has a component longer than 255 bytes',
    ],
    ['a path of 4096 bytes', withRecords({ path: `${'d/'.repeat(2048)}e` }), 'is longer than 4095 bytes'],
    ['a wrong checksum', header().fill('9', 0, 1), 'test.tar: offset 0: its header checksum is wrong'],
    ['a size that is not octal', changed(HEADER.at.size, '99'), 'its size is not an octal number'],
    ['a negative size', changed(HEADER.at.size, Buffer.alloc(12, 0xff)), 'its size is negative'],
    [
      'a size of 2^63',
      changed(HEADER.at.size, Buffer.from('800000008000000000000000', 'hex')),
      'its size is larger than 2^53',
    ],
    ['an owner of 2^40', withRecords({ uid: '1099511627776' }), 'its owner is larger than 2^32 - 1'],
    [
      'a pax size that is not a number',
      withRecords({ size: '-1' }),
      'entry name: its size is not a decimal number',
    ],
    [
      'a size beyond the archive',
      header({ sizeBytes: 4096 }),
      'entry name: its content ends after 1024 of 4096 bytes; the archive is truncated',
    ],
    ['an unknown type', header({ typeFlag: 'Z' }), 'entry name: its type "Z" is unknown'],
    [
      'a huge pax header',
      header({ typeFlag: 'x', sizeBytes: 9 << 20 }),
      'extended headers of 9437696 bytes; at most 8388608 are supported',
    ],
    [
      'a huge GNU long name',
      header({ typeFlag: 'L', sizeBytes: 9 << 20 }),
      'extended headers of 9437696 bytes; at most 8388608 are supported',
    ],
    [
      'a pax header without an entry',
      withRecords({ path: 'a' }).subarray(0, 1024),
      'an extended header at the end of the archive belongs to no entry',
    ],
    [
      'too many pax records',
      withRecords(Object.fromEntries(Array.from({ length: 20_001 }, (_, index) => [`key${index}`, 'x']))),
      'it has more than 20000 pax records',
    ],
    [
      'an endless series of pax headers',
      Buffer.concat(Array.from({ length: 17_000 }, () => withRecords({ uid: '1' }).subarray(0, 1024))),
      'extended headers of 8388',
    ],
    ['a pax record without a length', rawPax('path=a\n'), 'a pax record does not start with its length'],
    [
      'a pax record that is longer than its header',
      rawPax('99 path=a\n'),
      'the length of a pax record is wrong',
    ],
    [
      'a pax record that is longer than it states',
      rawPax('8 path=a\n'),
      'the length of a pax record is wrong',
    ],
    ['bytes after the pax records', rawPax('9 path=a\n '), 'a pax record does not start with its length'],
    ['a pax record without an equals sign', rawPax('7 path\n'), 'a pax record has no "="'],
    [
      'a pax record with the equals sign of the next record',
      rawPax('7 path\n9 path=a\n'),
      'a pax record has no "="',
    ],
    [
      'a sparse map that overlaps',
      sparse('2\n0\n4096\n512\n512\n'),
      'entry s: its sparse map has extents that overlap',
    ],
    ['a sparse map past the end', sparse('1\n8192\n512\n'), 'overlap or pass the end of the file'],
    [
      'a sparse map with less data than is stored',
      sparse('1\n0\n0\n'),
      'its sparse map has 0 bytes of data, but 512 are stored',
    ],
    [
      'a sparse map with more data than is stored',
      sparse('1\n0\n4096\n'),
      'its sparse map has 4096 bytes of data, but 512 are stored',
    ],
    ['a sparse map without an end', sparse('9\n0\n'), 'its sparse map'],
    ['a sparse map of letters', sparse('x\n'), 'its sparse map is not a decimal number'],
    ['a sparse map of too many extents', sparse('99999999\n'), 'its sparse map has more than'],
    [
      'a sparse file whose size is not a number',
      sparse('0\n', '1e9'),
      'its real size is not a decimal number',
    ],
  ])('%s', (_what, member, message) => {
    const read = () => readAll(Buffer.concat([member, TAR_END]));
    expect(read).toThrow(message);
    expect(read).toThrow(
      expect.objectContaining({ name: 'UserError', message: expect.stringMatching(/^test\.tar: [^\n]+$/) }),
    );
  });

  const good = archive([file('a', 600)]);
  it.each<[string, Uint8Array, string]>([
    ['nothing at all', new Uint8Array(), 'offset 0: the archive ends here, too early'],
    ['half a header', good.subarray(0, 100), 'too early; it is truncated'],
    ['no content', good.subarray(0, 512), 'entry a: its content ends after 0 of 600 bytes'],
    ['half the padding', good.subarray(0, 512 + 700), 'entry a: its content is truncated'],
    ['no end', good.subarray(0, 512 + 1024), 'too early; it is truncated'],
    ['half an end', good.subarray(0, 512 + 1024 + 512), 'one block of zeros instead of two'],
    ['bytes after the end', Buffer.concat([good, Buffer.from('x')]), 'data after the end of the archive'],
  ])('%s', (_what, bytes, message) => {
    expect(() => readAll(bytes)).toThrow(message);
  });

  it('control characters of a name are escaped in the message', () => {
    expect(() => readAll(header({ name: 'a\x1b[2J/../..' }))).toThrow(
      'entry a\\033[2J/../..: its path leaves',
    );
  });

  it('absolute paths stay inside the root', () => {
    const bytes = Buffer.concat([header({ name: '/etc/passwd' }), TAR_END]);
    expect(readAll(bytes).entries).toEqual([file('etc/passwd', 0)]);
  });
});
