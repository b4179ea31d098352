/**
 * Gzip members (RFC 1952) that depend on nothing but their content, the level and zlib: no name, no time, and an operating system of
 * "unknown". Members one after another are one gzip file (section 2.2).
 */

import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const compress = promisify(gzip);

export const DEFAULT_GZIP_LEVEL = 6;

/** Header fields (section 2.3). */
const XFL_OFFSET = 8;
const OS_OFFSET = 9;
const XFL_NONE = 0;
const OS_UNKNOWN = 255;

const OUTPUT_CHUNK_BYTES = 1 << 20;
/** The largest that zlib takes (zconf.h, MAX_MEM_LEVEL): fewer, longer blocks. */
const MEMORY_LEVEL = 9;

/** Compresses `content` into one member. It runs on libuv's thread pool; `content` must not change until then. */
export async function gzipMember(content: Uint8Array, level = DEFAULT_GZIP_LEVEL): Promise<Uint8Array> {
  const member = await compress(content, { level, memLevel: MEMORY_LEVEL, chunkSize: OUTPUT_CHUNK_BYTES });
  member[XFL_OFFSET] = XFL_NONE;
  member[OS_OFFSET] = OS_UNKNOWN;
  return member;
}
