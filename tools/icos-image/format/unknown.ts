import { type ImageSource, isZero } from '../bytes/source.ts';
import { type Content, peek } from '../content.ts';

/** Signatures of formats that are only named: offset, bytes (hexadecimal), name. */
const SIGNATURES: readonly [offsetBytes: number, hex: string, name: string][] = [
  [0, '68737173', 'squashfs'],
  [0, '58465342', 'xfs'],
  [65600, Buffer.from('_BHRfS_M').toString('hex'), 'btrfs'],
  [4086, Buffer.from('SWAPSPACE2').toString('hex'), 'Linux swap'],
  [0, '4c554b53babe', 'LUKS'],
  [32769, Buffer.from('CD001').toString('hex'), 'ISO 9660'],
  [0, '514649fb', 'a QCOW2 image; convert it with qemu-img convert -O raw'],
  [0, '7f454c46', 'an ELF file'],
  [510, '55aa', 'a boot sector or MBR without a GPT'],
];
const LOOK_BYTES = 1 << 20;

/** The content of an image of an unknown format. */
export function unknownContent(source: ImageSource): Content {
  if (source.zeroBytes(0) >= source.sizeBytes || isZero(peek(source, 0, LOOK_BYTES))) {
    return { format: 'zeros', source, facts: {}, parts: [] };
  }
  const signature = SIGNATURES.find(
    ([offset, hex]) => peek(source, offset, hex.length / 2).toString('hex') === hex,
  );
  return {
    format: 'unknown',
    source,
    facts: signature === undefined ? {} : { looksLike: signature[2] },
    parts: [],
  };
}
