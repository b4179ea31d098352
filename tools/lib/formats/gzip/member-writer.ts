import { PieceWriter } from '../pipeline/piece-writer.ts';
import { DEFAULT_GZIP_LEVEL, gzipMember } from './member.ts';

/** Content of one member in files that are written front to back. Larger members are hardly smaller: deflate looks back 32 KiB. */
export const MEMBER_CONTENT_BYTES = 1 << 20;

/** Cuts a stream of bytes into gzip members of a fixed content size, compresses them on the thread pool and writes them in order. */
export class MemberWriter extends PieceWriter {
  constructor(
    emit: (member: Uint8Array) => void,
    { level = DEFAULT_GZIP_LEVEL, contentBytes = MEMBER_CONTENT_BYTES } = {},
  ) {
    super(emit, (content) => gzipMember(content, level), contentBytes);
  }
}
