import type { BlockSource } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';

/**
 * The archive around a Debian package: deb(5) uses the common ar format, with short names only.
 *
 * An archive is the magic string, then members: a header of 60 bytes of text and the content, padded to an even size.
 */
const MAGIC = '!<arch>\n';
const HEADER_BYTES = 60;
/** Fields of a header as [offset, length]; time, owner and mode are not looked at. */
const NAME = [0, 16] as const;
const SIZE = [48, 10] as const;
const HEADER_END = [58, 2] as const;
/** How GNU ar refers to its table of long names, and BSD ar to a name in front of the content. deb(5) has neither. */
const LONG_NAME = /^(\/|#1\/)/;
const HEADER_END_MARK = '`\n';

/** One member: its name, and where its content lies in the archive. */
export interface ArMember {
  readonly name: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/**
 * Lists the members of an archive.
 *
 * @param name the archive's name, for errors
 * @throws UserError where the archive is damaged or cut off
 */
export function readArMembers(archive: BlockSource, name: string): ArMember[] {
  const refuse = (offsetBytes: number, reason: string): never => {
    throw new UserError(
      `${name}: no intact Debian package: ${reason} at byte ${offsetBytes}; download it again`,
    );
  };
  const text = (offsetBytes: number, lengthBytes: number): string =>
    Buffer.from(archive.read(offsetBytes, lengthBytes)).toString('latin1');

  if (archive.sizeBytes < MAGIC.length || text(0, MAGIC.length) !== MAGIC) {
    refuse(0, 'the mark of an ar archive is missing');
  }
  const members: ArMember[] = [];
  for (let position = MAGIC.length; position < archive.sizeBytes; ) {
    if (position + HEADER_BYTES > archive.sizeBytes) refuse(position, 'a member header is cut off');
    const header = text(position, HEADER_BYTES);
    const field = ([start, length]: readonly [number, number]) => header.slice(start, start + length);
    if (field(HEADER_END) !== HEADER_END_MARK) refuse(position, 'a damaged member header');
    const size = field(SIZE).trimEnd();
    if (!/^[0-9]+$/.test(size)) refuse(position, 'a member size that is no number');
    const offsetBytes = position + HEADER_BYTES;
    const sizeBytes = Number(size);
    // GNU ar ends a name with a slash.
    const memberName = field(NAME).trimEnd().replace(/\/$/, '');
    if (LONG_NAME.test(field(NAME))) refuse(position, 'a long member name, which no package has,');
    if (offsetBytes + sizeBytes > archive.sizeBytes) {
      refuse(position, `the member "${memberName}" of ${sizeBytes} bytes passes the end of the file`);
    }
    members.push({ name: memberName, offsetBytes, sizeBytes });
    position = offsetBytes + sizeBytes + (sizeBytes % 2);
  }
  return members;
}
