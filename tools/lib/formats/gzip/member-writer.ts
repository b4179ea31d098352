import { PieceWriter } from '../pipeline/piece-writer.ts';
import { DEFAULT_GZIP_LEVEL, gzipMember } from './member.ts';

/**
 * The content size of one member. Larger members hardly compress better, because deflate looks back
 * 32 KiB.
 */
export const MEMBER_CONTENT_BYTES = 1 << 20;

/**
 * Writes a stream of bytes as gzip members of a fixed content size, compressed on the thread pool
 * and written in order.
 */
export class MemberWriter extends PieceWriter {
  constructor(
    emit: (member: Uint8Array) => void,
    { level = DEFAULT_GZIP_LEVEL, contentBytes = MEMBER_CONTENT_BYTES } = {},
  ) {
    super(emit, (content) => gzipMember(content, level), contentBytes);
  }
}
