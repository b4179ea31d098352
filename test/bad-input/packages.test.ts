import { describe, expect, test } from 'vitest';
import { buildDeb, controlText } from '../../tools/lib/testing/deb/sample-deb.ts';
import { Workbench } from './workbench.ts';

const OUTPUTS = ['--output=out.layer.tar.zst', '--steps=out.steps.json', '--packages=out.packages.json'];
const GOOD = buildDeb({ control: { control: controlText('good') }, files: { 'usr/share/good': 'good\n' } });

function aptBase(place: Workbench, deb: Uint8Array): string {
  place.put('good.deb', buildDeb({ control: { control: controlText('other') } }));
  place.put('bad.deb', deb);
  return place.refusal('apt-base', ['--deb=good.deb', '--deb=bad.deb', ...OUTPUTS]);
}

function damaged(offset: number): Buffer {
  const copy = Buffer.from(GOOD);
  copy[offset] = (copy[offset] ?? 0) ^ 0xff;
  return copy;
}

describe('a package', () => {
  test.each<[string, Buffer, RegExp]>([
    [
      'that is truncated in its data',
      GOOD.subarray(0, -40),
      /^bad\.deb: not an intact Debian package: byte [0-9]+: the member "data\.tar\.xz" of [0-9]+ bytes passes the end .*; download it again$/,
    ],
    [
      'that is truncated in a header',
      GOOD.subarray(0, 100),
      /^bad\.deb: not an intact Debian package: byte [0-9]+: the member header is truncated; download it again$/,
    ],
    [
      'that is empty',
      Buffer.alloc(0),
      /^bad\.deb: not an intact Debian package: byte 0: the magic string of an ar archive is missing; download it again$/,
    ],
    [
      'with a wrong magic number',
      damaged(0),
      /^bad\.deb: not an intact Debian package: byte 0: the magic string of an ar archive is missing; download it again$/,
    ],
    [
      'of another format',
      Buffer.from(GOOD.toString('latin1').replace('2.0\n', '3.0\n'), 'latin1'),
      /^bad\.deb: not a Debian package: its format is "3\.0.*, but only 2 is supported/,
    ],
    [
      'whose data is damaged',
      damaged(GOOD.lastIndexOf('data.tar') + 60 + 20),
      /^bad\.deb: data\.tar\.xz: .*damaged.*/,
    ],
  ])('%s is refused', (_what, deb, line) => {
    using place = new Workbench();
    expect(aptBase(place, deb)).toMatch(line);
  });
});
