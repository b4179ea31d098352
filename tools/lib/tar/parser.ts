/** Reads tar archives of every common dialect: v7, ustar, pax, GNU; see header.ts and pax.ts for the formats. */

import type { Entry } from '../entry/entry.ts';
import { UserError } from '../error/user-error.ts';
import { ByteQueue } from './byte-queue.ts';
import { BLOCK_BYTES, HeaderError, paddingBytes, RawHeader, TypeFlag } from './header.ts';
import { memberEntry, memberSizeBytes, type Overrides, showName } from './member.ts';
import { decodePax } from './pax.ts';
import { type Extent, SparseMapReader, sparseRecords } from './sparse.ts';

/** A member's header. The data events of its content follow. */
export interface TarMember {
  readonly kind: 'member';
  readonly entry: Entry;
  /** Offset in the (uncompressed) archive of the first byte of stored content. */
  readonly dataOffsetBytes: number;
  /** Where a sparse member's data lies in the file; the holes between have no data events. */
  readonly extents?: readonly Extent[];
}

/** A piece of the last member's content. The bytes are valid until the next event is asked for. */
export interface TarData {
  readonly kind: 'data';
  /** Position in the file. */
  readonly positionBytes: number;
  readonly bytes: Uint8Array;
}

export type TarEvent = TarMember | TarData;

/** Bounds the memory that pax headers and long names from outside can take. */
const MAX_EXTENDED_HEADER_BYTES = 1 << 20;

type Parsing<Result> = Generator<TarEvent | undefined, Result, Uint8Array | undefined>;

function isZero(block: Uint8Array): boolean {
  for (const byte of block) if (byte !== 0) return false;
  return true;
}

export class TarParser {
  readonly #archive: string;
  readonly #input = new ByteQueue();
  #globalRecords = new Map<string, Uint8Array>();
  #current = '';
  #blockStart = 0;

  /** @param archive the archive's name, for errors */
  constructor(archive: string) {
    this.#archive = archive;
  }

  #fail(rule: string): never {
    const where = this.#current === '' ? `offset ${this.#blockStart}` : `entry ${this.#current}`;
    throw new UserError(`${this.#archive}: ${where}: ${rule}`);
  }

  *#block(): Parsing<Uint8Array> {
    this.#blockStart = this.#input.offsetBytes;
    const block = this.#input.tryTake(BLOCK_BYTES) ?? (yield* this.#input.take(BLOCK_BYTES));
    if (block.length < BLOCK_BYTES) this.#fail('the archive ends here, too early; it is truncated');
    return block;
  }

  *#padding(sizeBytes: number): Parsing<void> {
    const padding = paddingBytes(sizeBytes);
    if (padding === 0 || this.#input.tryTake(padding) !== undefined) return;
    if ((yield* this.#input.take(padding)).length < padding) this.#fail('its content is truncated');
  }

  *#extendedHeader(header: RawHeader): Parsing<Uint8Array> {
    if (header.sizeBytes > MAX_EXTENDED_HEADER_BYTES) {
      this.#fail(
        `an extended header of ${header.sizeBytes} bytes; at most ${MAX_EXTENDED_HEADER_BYTES} are read`,
      );
    }
    const bytes = Uint8Array.from(yield* this.#input.take(header.sizeBytes));
    if (bytes.length < header.sizeBytes) this.#fail('an extended header is truncated');
    yield* this.#padding(header.sizeBytes);
    return bytes;
  }

  /** Reads extended headers up to the member they belong to; `undefined` at the end of the archive. */
  *#nextHeader(): Parsing<{ header: RawHeader; overrides: Overrides } | undefined> {
    const overrides: Overrides = { records: new Map(this.#globalRecords) };
    let extended = false;
    this.#current = '';
    for (;;) {
      const block = yield* this.#block();
      if (block[0] === 0 && isZero(block)) {
        if (extended) this.#fail('an extended header that belongs to no entry');
        return undefined;
      }
      const header = new RawHeader(block);
      if (header.typeFlag === TypeFlag.paxGlobalHeader) {
        const records = decodePax(yield* this.#extendedHeader(header));
        for (const [keyword, value] of records) this.#globalRecords.set(keyword, value);
        for (const [keyword, value] of records) overrides.records.set(keyword, value);
        continue;
      }
      if (header.typeFlag === TypeFlag.paxHeader) {
        const records = decodePax(yield* this.#extendedHeader(header));
        for (const [keyword, value] of records) overrides.records.set(keyword, value);
      } else if (header.typeFlag === TypeFlag.gnuLongName) {
        overrides.longName = yield* this.#extendedHeader(header);
      } else if (header.typeFlag === TypeFlag.gnuLongLink) {
        overrides.longLink = yield* this.#extendedHeader(header);
      } else {
        this.#current = showName(overrides.records.get('path') ?? overrides.longName ?? header.name);
        return { header, overrides };
      }
      extended = true;
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

  *#member(header: RawHeader, overrides: Overrides): Parsing<void> {
    const storedBytes = memberSizeBytes(header, overrides);
    const sparse = sparseRecords(overrides.records);
    if (sparse === undefined) {
      const entry = memberEntry(header, overrides, storedBytes);
      yield { kind: 'member', entry, dataOffsetBytes: this.#input.offsetBytes };
      // Only files have content; some old archives state a size for links and directories.
      if (entry.type === 'file') {
        yield* this.#content(storedBytes, 0);
        yield* this.#padding(storedBytes);
      }
      return;
    }
    overrides.records.set('path', sparse.name);
    this.#current = showName(sparse.name);
    const entry = memberEntry(header, overrides, sparse.realSizeBytes);
    const start = this.#input.offsetBytes;
    const map = new SparseMapReader();
    for (let whole = false; !whole; ) {
      if (this.#input.offsetBytes - start >= storedBytes)
        this.#fail('its sparse map is longer than its content');
      whole = map.add(yield* this.#block());
    }
    const dataOffsetBytes = this.#input.offsetBytes;
    const extents = map.extents(sparse.realSizeBytes, storedBytes - (dataOffsetBytes - start));
    yield { kind: 'member', entry, dataOffsetBytes, extents };
    for (const [offsetBytes, lengthBytes] of extents) yield* this.#content(lengthBytes, offsetBytes);
    yield* this.#padding(storedBytes);
  }

  /** After the first block of zeros: a second one, and then nothing but zeros. */
  *#end(): Parsing<void> {
    this.#current = '';
    for (let blocks = 0; ; blocks++) {
      this.#blockStart = this.#input.offsetBytes;
      const rest = yield* this.#input.take(BLOCK_BYTES);
      if (rest.length === 0 && blocks > 0) return;
      if (rest.length === 0)
        this.#fail('the archive ends after one block of zeros instead of two; it is truncated');
      if (!isZero(rest)) this.#fail('data after the end of the archive');
    }
  }

  /** The events of the archive. `undefined` asks for the next chunk; `next(undefined)` then says that there is none. */
  *events(): Parsing<void> {
    try {
      for (;;) {
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
