/** The gzip format (RFC 1952). See docs/formats/compression.md. */

export { gzipDecompressStream } from './decompress.ts';
export { DEFAULT_GZIP_LEVEL, gzipMember } from './member.ts';
export { MEMBER_CONTENT_BYTES, MemberWriter } from './member-writer.ts';
