/** Parses tar archives of every common dialect: v7, ustar, pax, GNU, star. */

import type { Entry } from '../entry/entry.ts';
import { decodeName, printableName } from '../entry/name.ts';
import type { Timestamp } from '../entry/tree-reader.ts';
import { UserError } from '../error/user-error.ts';
import { ByteQueue } from './byte-queue.ts';
import { BLOCK_BYTES, HEADER, TypeFlag } from './format.ts';
import { paddingBytes, RawHeader } from './header.ts';
import {
  addGlobalRecords,
  memberEntry,
  memberName,
  memberSizeBytes,
  memberTime,
  type Overrides,
  showName,
} from './member.ts';
import { HeaderError } from './number-field.ts';
import { decodePax, MAX_RECORDS } from './pax.ts';
import { type Extent, HeaderSparseMap, type SparseMap, sparseRecords } from './sparse-map.ts';

/** A member of an archive. The data events of its content follow. */
export interface TarMember {
  readonly kind: 'member';
  readonly entry: Entry;
  readonly modificationTime: Timestamp;
  /** The offset of the first byte of stored content in the uncompressed archive. */
  readonly dataOffsetBytes: number;
  /** The ranges of a sparse file that hold data. The holes between them have no data events. */
  readonly extents?: readonly Extent[];
}

/**
 * A piece of the last member's content. The bytes are valid until the caller requests the next
 * event.
 */
export interface TarData {
  readonly kind: 'data';
  /** The position in the file. */
  readonly positionBytes: number;
  readonly bytes: Uint8Array;
}

export type TarEvent = TarMember | TarData;

/** Limits the memory for the extended headers of one member. */
const MAX_EXTENDED_HEADER_BYTES = 8 << 20;

/** The records of a member without pax records. Replaced, never modified. */
const NO_RECORDS = new Map<string, Uint8Array>();

const TYPE_FLAG_OFFSET = HEADER.at.typeflag.offsetBytes;

type Parsing<Result> = Generator<TarEvent | undefined, Result, Uint8Array | undefined>;

/**
 * The types of members whose header is followed by content only: files, hard links, symbolic links,
 * directories.
 */
const COMMON_TYPE_FLAGS = new Set(
  [TypeFlag.file, TypeFlag.hardLink, TypeFlag.symlink, TypeFlag.directory].map((flag) => flag.charCodeAt(0)),
);

function isZero(block: Uint8Array): boolean {
  for (const byte of block) if (byte !== 0) return false;
  return true;
}

export class TarParser {
  readonly #archive: string;
  readonly #sizeBytes: number | undefined;
  readonly #input = new ByteQueue();
  readonly #globalRecords = new Map<string, Uint8Array>();
  #extendedBytes = 0;
  /**
   * The subject of an error: the member's path, or its headers as long as the path is not known.
   * Without either, an error names the offset.
   */
  #current: { readonly header: RawHeader; readonly overrides: Overrides } | string | undefined;
  #blockStart = 0;

  /**
   * @param archive the archive's name, for errors
   * @param sizeBytes the size of the whole archive, if contents are not needed. There are no data
   *   events then, and each chunk that the parser requests must start at {@link offsetBytes},
   *   wherever the previous chunk ended
   */
  constructor(archive: string, sizeBytes?: number) {
    this.#archive = archive;
    this.#sizeBytes = sizeBytes;
  }

  /** The offset of the next byte that the parser needs. */
  get offsetBytes(): number {
    return this.#input.offsetBytes;
  }

  #fail(rule: string): never {
    throw new UserError(`${this.#archive}: ${this.#place()}: ${rule}`);
  }

  #place(): string {
    const current = this.#current;
    if (current === undefined) return `offset ${this.#blockStart}`;
    if (typeof current === 'string') return `entry ${printableName(current === '' ? '.' : current)}`;
    return `entry ${showName(memberName(current.header, current.overrides))}`;
  }

  *#block(): Parsing<Uint8Array> {
    const block = yield* this.#input.take(BLOCK_BYTES);
    if (block.length < BLOCK_BYTES) this.#fail('the archive ends here, too early; it is truncated');
    return block;
  }

  *#padding(sizeBytes: number): Parsing<void> {
    const padding = paddingBytes(sizeBytes);
    if (padding === 0 || this.#input.tryTake(padding) !== undefined) return;
    if ((yield* this.#input.take(padding)).length < padding) this.#fail('its content is truncated');
  }

  *#extendedHeader(header: RawHeader): Parsing<Uint8Array> {
    this.#extendedBytes += BLOCK_BYTES + header.sizeBytes;
    if (this.#extendedBytes > MAX_EXTENDED_HEADER_BYTES) {
      this.#fail(
        `extended headers of ${this.#extendedBytes} bytes; at most ${MAX_EXTENDED_HEADER_BYTES} are supported`,
      );
    }
    const { sizeBytes } = header;
    const bytes = Uint8Array.from(yield* this.#input.take(sizeBytes));
    if (bytes.length < sizeBytes) this.#fail('an extended header is truncated');
    yield* this.#padding(sizeBytes);
    return bytes;
  }

  /** Takes an extended header. @returns false if the header is not an extended one */
  *#override(header: RawHeader, overrides: Overrides): Parsing<boolean> {
    switch (header.typeFlag) {
      case TypeFlag.paxHeader:
      case TypeFlag.solarisPaxHeader: {
        const records = decodePax(yield* this.#extendedHeader(header));
        if (overrides.records.size === 0) overrides.records = records;
        else for (const [keyword, value] of records) overrides.records.set(keyword, value);
        if (overrides.records.size > MAX_RECORDS) this.#fail(`it has more than ${MAX_RECORDS} pax records`);
        return true;
      }
      case TypeFlag.gnuLongName:
        overrides.longName = yield* this.#extendedHeader(header);
        return true;
      case TypeFlag.gnuLongLink:
        overrides.longLink = yield* this.#extendedHeader(header);
        return true;
      default:
        return false;
    }
  }

  /**
   * Reads extended headers and the header that they belong to.
   *
   * @returns `undefined` at the end of the archive
   */
  *#nextHeader(): Parsing<{ header: RawHeader; overrides: Overrides } | undefined> {
    const overrides: Overrides = { globalRecords: this.#globalRecords, records: NO_RECORDS };
    let extended = false;
    this.#current = undefined;
    this.#extendedBytes = 0;
    for (;;) {
      this.#blockStart = this.#input.offsetBytes;
      const block = this.#input.tryTake(BLOCK_BYTES) ?? (yield* this.#block());
      if (block[0] === 0 && isZero(block)) {
        if (extended) this.#fail('an extended header at the end of the archive belongs to no entry');
        return undefined;
      }
      const header = new RawHeader(block);
      if (header.typeFlag === TypeFlag.paxGlobalHeader) {
        addGlobalRecords(this.#globalRecords, decodePax(yield* this.#extendedHeader(header)));
      } else if (header.typeFlag === TypeFlag.gnuVolumeLabel) {
        yield* this.#extendedHeader(header);
      } else if (yield* this.#override(header, overrides)) {
        extended = true;
      } else {
        this.#current = { header, overrides };
        return this.#current;
      }
    }
  }

  *#content(sizeBytes: number, positionBytes: number): Parsing<void> {
    for (let done = 0; done < sizeBytes; ) {
      const bytes = yield* this.#input.takeSome(sizeBytes - done);
      if (bytes === undefined)
        this.#fail(`its content ends after ${done} of ${sizeBytes} bytes; the archive is truncated`);
      yield { kind: 'data', positionBytes: positionBytes + done, bytes };
      done += bytes.length;
    }
  }

  /** Skips content. */
  #skip(contentBytes: number, archiveBytes: number): void {
    const leftBytes = archiveBytes - this.#input.offsetBytes;
    if (contentBytes > leftBytes)
      this.#fail(`its content ends after ${leftBytes} of ${contentBytes} bytes; the archive is truncated`);
    const padding = paddingBytes(contentBytes);
    if (contentBytes + padding > leftBytes) this.#fail('its content is truncated');
    this.#input.skip(contentBytes + padding);
  }

  *#plainMember(header: RawHeader, overrides: Overrides): Parsing<void> {
    const storedBytes = memberSizeBytes(header, overrides);
    const entry = memberEntry(header, overrides, storedBytes);
    const modificationTime = memberTime(header, overrides);
    this.#current = entry.path;
    yield { kind: 'member', entry, modificationTime, dataOffsetBytes: this.#input.offsetBytes };
    // Only files and GNU's directories have content. Some old archives state a size for links and
    // directories.
    if (entry.type !== 'file' && header.typeFlag !== TypeFlag.gnuDirectory) return;
    if (this.#sizeBytes !== undefined) {
      this.#skip(storedBytes, this.#sizeBytes);
    } else if (storedBytes > 0) {
      if (entry.type === 'file') yield* this.#content(storedBytes, 0);
      else yield* this.#discard(storedBytes);
      yield* this.#padding(storedBytes);
    }
  }

  *#discard(sizeBytes: number): Parsing<void> {
    for (let done = 0; done < sizeBytes; ) {
      const bytes = yield* this.#input.takeSome(sizeBytes - done);
      if (bytes === undefined) this.#fail('its content is truncated');
      done += bytes.length;
    }
  }

  *#sparseMember(
    header: RawHeader,
    overrides: Overrides,
    name: Uint8Array | undefined,
    map: SparseMap,
  ): Parsing<void> {
    if (name !== undefined) this.#current = decodeName(name.subarray(0, 4096));
    const entry = memberEntry(header, overrides, map.realSizeBytes, name);
    if (entry.type !== 'file') this.#fail(`it is sparse, but it is a ${entry.type}, not a file`);
    const modificationTime = memberTime(header, overrides);
    let storedBytes = memberSizeBytes(header, overrides);
    this.#current = entry.path;
    while (map.isOpen) {
      if (map.isContent) storedBytes -= BLOCK_BYTES;
      if (storedBytes < 0) this.#fail('its sparse map is longer than its content');
      map.add(this.#input.tryTake(BLOCK_BYTES) ?? (yield* this.#block()));
    }
    const dataOffsetBytes = this.#input.offsetBytes;
    const extents = map.extents(storedBytes);
    yield { kind: 'member', entry, modificationTime, dataOffsetBytes, extents };
    if (this.#sizeBytes !== undefined) {
      this.#skip(storedBytes, this.#sizeBytes);
      return;
    }
    for (const [offsetBytes, lengthBytes] of extents) yield* this.#content(lengthBytes, offsetBytes);
    yield* this.#padding(storedBytes);
  }

  *#member(header: RawHeader, overrides: Overrides): Parsing<void> {
    const sparse = overrides.records.size === 0 ? undefined : sparseRecords(overrides.records);
    if (sparse !== undefined) {
      if (header.typeFlag === TypeFlag.gnuSparse) this.#fail('it has two sparse maps');
      yield* this.#sparseMember(header, overrides, sparse.name, sparse.map);
    } else if (header.typeFlag === TypeFlag.gnuSparse) {
      yield* this.#sparseMember(header, overrides, undefined, new HeaderSparseMap(header));
    } else {
      yield* this.#plainMember(header, overrides);
    }
  }

  /**
   * Checks the end of the archive: a second block of zeros, and then only zeros, must follow the
   * first.
   */
  *#end(): Parsing<void> {
    this.#current = undefined;
    for (let blocks = 0; ; blocks++) {
      this.#blockStart = this.#input.offsetBytes;
      const rest = yield* this.#input.take(BLOCK_BYTES);
      if (rest.length === 0 && blocks > 0) return;
      if (rest.length === 0)
        this.#fail('the archive ends after one block of zeros instead of two; it is truncated');
      if (!isZero(rest)) this.#fail('data after the end of the archive');
    }
  }

  /**
   * Reads a member without waiting for input, if its header is in the current chunk and has no
   * extended headers, and contents are not needed. Nearly all members are of this kind. This fast
   * path avoids the generators of the general path.
   *
   * @returns `undefined` if the member needs {@link #nextHeader}
   */
  #commonMember(archiveBytes: number): TarMember | undefined {
    const block = this.#input.tryPeek(BLOCK_BYTES);
    if (block === undefined || !COMMON_TYPE_FLAGS.has(block[TYPE_FLAG_OFFSET] as number)) return undefined;
    if (block[0] === 0 || this.#globalRecords.size > 0) return undefined;
    this.#current = undefined;
    this.#blockStart = this.#input.offsetBytes;
    const header = new RawHeader(block);
    const overrides: Overrides = { globalRecords: this.#globalRecords, records: NO_RECORDS };
    this.#current = { header, overrides };
    const entry = memberEntry(header, overrides, header.sizeBytes);
    const modificationTime = memberTime(header, overrides);
    this.#current = entry.path;
    this.#input.skip(BLOCK_BYTES);
    const dataOffsetBytes = this.#input.offsetBytes;
    if (entry.type === 'file') this.#skip(header.sizeBytes, archiveBytes);
    return { kind: 'member', entry, modificationTime, dataOffsetBytes };
  }

  *#commonMembers(archiveBytes: number): Parsing<void> {
    for (;;) {
      const member = this.#commonMember(archiveBytes);
      if (member === undefined) return;
      yield member;
    }
  }

  /**
   * Yields the events of the archive. A yielded `undefined` requests the next chunk, which the
   * caller passes to `next()`; `next(undefined)` means the end of the input.
   */
  *events(): Parsing<void> {
    try {
      for (;;) {
        if (this.#sizeBytes !== undefined) yield* this.#commonMembers(this.#sizeBytes);
        const next = yield* this.#nextHeader();
        if (next === undefined) break;
        yield* this.#member(next.header, next.overrides);
      }
      yield* this.#end();
    } catch (error) {
      if (error instanceof HeaderError) this.#fail(error.message);
      throw error;
    }
  }
}
