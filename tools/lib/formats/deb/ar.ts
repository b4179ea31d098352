/**
 * Reads the archive around a Debian package: deb(5) uses the common ar format, with short names
 * only.
 */

import type { BlockSource } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import type { FieldAccess } from '../structure/structure.ts';
import { HEADER_END_MARK, MAGIC, MEMBER_HEADER } from './format.ts';

/**
 * The name field of a member with a long name. GNU ar stores a reference to a table of names, and
 * BSD ar stores the name before the content. deb(5) allows neither.
 */
const LONG_NAME = /^(\/|#1\/)/;

/** A member: its name, and the position of its content in the archive. */
export interface ArMember {
  readonly name: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/**
 * Lists the members of an archive.
 *
 * @param name the archive's name, for errors
 * @throws UserError if the archive is damaged or truncated
 */
export function readArMembers(archive: BlockSource, name: string): ArMember[] {
  const refuse = (offsetBytes: number, reason: string): never => {
    throw new UserError(
      `${name}: not an intact Debian package: byte ${offsetBytes}: ${reason}; download it again`,
    );
  };
  const text = (offsetBytes: number, lengthBytes: number): string =>
    Buffer.from(archive.read(offsetBytes, lengthBytes)).toString('latin1');

  if (archive.sizeBytes < MAGIC.length || text(0, MAGIC.length) !== MAGIC) {
    refuse(0, 'the magic string of an ar archive is missing');
  }
  const { at, sizeBytes: headerBytes } = MEMBER_HEADER;
  const members: ArMember[] = [];
  for (let position = MAGIC.length; position < archive.sizeBytes; ) {
    const offsetBytes = position + headerBytes;
    if (offsetBytes > archive.sizeBytes) refuse(position, 'the member header is truncated');
    const header = text(position, headerBytes);
    const field = ({ offsetBytes: start, endBytes }: FieldAccess): string => header.slice(start, endBytes);
    if (field(at.ar_fmag) !== HEADER_END_MARK) refuse(position, 'the member header is damaged');
    const size = field(at.ar_size).trimEnd();
    if (!/^[0-9]+$/.test(size)) refuse(position, 'the member size is not a number');
    const sizeBytes = Number(size);
    // GNU ar ends a name with a slash.
    const memberName = field(at.ar_name).trimEnd().replace(/\/$/, '');
    if (LONG_NAME.test(field(at.ar_name)))
      refuse(position, 'the member has a long name, which no package has');
    if (offsetBytes + sizeBytes > archive.sizeBytes) {
      refuse(position, `the member "${memberName}" of ${sizeBytes} bytes passes the end of the file`);
    }
    members.push({ name: memberName, offsetBytes, sizeBytes });
    position = offsetBytes + sizeBytes + (sizeBytes % 2);
  }
  return members;
}
