import {
  ALIGNMENT_BYTES,
  aligned,
  CRC_MAGIC,
  fieldNumber,
  HEADER,
  HEADER_BYTES,
  NEWC_MAGIC,
  TRAILER_NAME,
} from '../../lib/formats/cpio/format.ts';
import type { CpioMember } from '../../lib/formats/cpio/newc.ts';
import { readNewc } from '../../lib/formats/cpio/read.ts';
import { UserError } from '../../lib/formats/error/user-error.ts';
import { compressionOf, decompressed } from '../bytes/compression.ts';
import { type ImageSource, isZero, partOf, withoutHoles } from '../bytes/source.ts';
import { type Content, type Format, peek } from '../content.ts';
import { ArchiveTree } from '../tree/archive-tree.ts';

const { c_magic, c_filesize, c_namesize } = HEADER.at;
const MAGICS: readonly string[] = [NEWC_MAGIC, CRC_MAGIC];
const LARGEST_ARCHIVE_BYTES = 128 << 20;
/** An initramfs has one or two early archives and the main one. */
const MAX_ARCHIVES = 16;

function isArchive(source: ImageSource, offsetBytes: number): boolean {
  return MAGICS.includes(
    peek(source, offsetBytes + c_magic.offsetBytes, c_magic.lengthBytes).toString('latin1'),
  );
}

/** The end of the first archive: after its trailer. The reader refuses damaged members later. */
function archiveBytes(source: ImageSource): number {
  for (let offset = 0; isArchive(source, offset); ) {
    const header = peek(source, offset, HEADER_BYTES).toString('latin1');
    const nameStart = offset + HEADER_BYTES;
    const nameBytes = fieldNumber(header, c_namesize);
    const next = aligned(aligned(nameStart + nameBytes) + fieldNumber(header, c_filesize));
    if (!(next > offset)) break;
    const name = peek(source, nameStart, TRAILER_NAME.length).toString('latin1');
    if (name === TRAILER_NAME && nameBytes === TRAILER_NAME.length + 1)
      return Math.min(next, source.sizeBytes);
    offset = next;
  }
  return source.sizeBytes;
}

/** Skips the zeros between archives. */
function skipZeros(source: ImageSource, startBytes: number): number {
  let offset = startBytes;
  while (offset < source.sizeBytes && isZero(peek(source, offset, ALIGNMENT_BYTES)))
    offset += ALIGNMENT_BYTES;
  return Math.min(offset, source.sizeBytes);
}

function readArchive(source: ImageSource, name: string): CpioMember[] {
  if (source.sizeBytes > LARGEST_ARCHIVE_BYTES) {
    throw new UserError(
      `${name}: a cpio archive of ${source.sizeBytes} bytes; up to ${LARGEST_ARCHIVE_BYTES} are read`,
    );
  }
  let members: CpioMember[];
  try {
    members = readNewc(source.read(0, source.sizeBytes));
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${name}: ${error.message}`) : error;
  }
  return members;
}

/** Reads consecutive archives as the kernel unpacks them. The last one may be compressed. */
async function readArchives(
  whole: ImageSource,
  name: string,
): Promise<{ archives: number; members: CpioMember[] }> {
  const members: CpioMember[] = [];
  let archives = 0;
  for (let rest = whole; rest.sizeBytes > 0; ) {
    archives += 1;
    if (archives > MAX_ARCHIVES)
      throw new UserError(`${name}: more than ${MAX_ARCHIVES} cpio archives in a row`);
    if (!isArchive(rest, 0)) {
      const compression = compressionOf(rest);
      if (compression === 'none')
        throw new UserError(`${name}: the data after a cpio archive is not a cpio archive`);
      rest = await decompressed(rest, compression, name);
    }
    const sizeBytes = archiveBytes(rest);
    members.push(...readArchive(partOf(rest, 0, sizeBytes), name));
    const next = skipZeros(rest, sizeBytes);
    rest = partOf(rest, next, rest.sizeBytes - next);
  }
  return { archives, members };
}

function contentOf({ content }: CpioMember): ImageSource {
  const read = (offset: number, length: number) => content.subarray(offset, offset + length);
  return withoutHoles({ sizeBytes: content.length, read });
}

export const cpio: Format = {
  name: 'cpio',
  matches: (source) => isArchive(source, 0),
  async open(source, name): Promise<Content> {
    const { archives, members } = await readArchives(source, name);
    const tree = new ArchiveTree(members, name, contentOf);
    return { format: 'cpio', source, facts: { archives, members: members.length }, tree, parts: [] };
  },
};
