/**
 * Writes gzip members (RFC 1952) that depend only on their content, the level and zlib: no name, no
 * time, and "unknown" as the operating system. A concatenation of members is one gzip file (section
 * 2.2).
 */

import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { MEMBER_HEADER, OS_UNKNOWN, XFL_NONE } from './format.ts';

const compress = promisify(gzip);

export const DEFAULT_GZIP_LEVEL = 6;

const OUTPUT_CHUNK_BYTES = 1 << 20;
/** The largest memory level of zlib (zconf.h, MAX_MEM_LEVEL). It makes fewer, longer blocks. */
const MEMORY_LEVEL = 9;

/**
 * Compresses `content` into one member on libuv's thread pool. `content` must not change until the
 * promise is settled.
 */
export async function gzipMember(content: Uint8Array, level = DEFAULT_GZIP_LEVEL): Promise<Uint8Array> {
  const member = await compress(content, { level, memLevel: MEMORY_LEVEL, chunkSize: OUTPUT_CHUNK_BYTES });
  member[MEMBER_HEADER.at.XFL.offsetBytes] = XFL_NONE;
  member[MEMBER_HEADER.at.OS.offsetBytes] = OS_UNKNOWN;
  return member;
}
