import type { BlockSink } from '../block/block.ts';
import type { Entry } from '../entry/entry.ts';
import { UserError } from '../error/user-error.ts';
import { NO_LABEL } from './boot.ts';
import { buildTree, type FatFile } from './directory-tree.ts';
import { type FatType, SHORT_NAME_BYTES } from './format.ts';
import { type FatGeometry, planGeometry } from './geometry.ts';
import { writeMetadata } from './metadata.ts';
import {
  clusterBytesOf,
  clusterOffset,
  type FatOptions,
  planVolume,
  runOf,
  tooSmall,
  type VolumePlan,
} from './plan.ts';

/** The parameters of a written volume. */
export interface FatSummary {
  readonly type: FatType;
  readonly clusterBytes: number;
  readonly clusterCount: number;
  readonly freeClusterCount: number;
}

/** Returns the bytes of the file at `path`, in pieces. */
export type FileContent = (path: string) => Iterable<Uint8Array>;

/** A volume label consists of the characters of short names, and spaces. */
const LABEL_PATTERN = /^[A-Z0-9$%'\-_@~`!(){}^#&][A-Z0-9$%'\-_@~`!(){}^#& ]{0,10}$/;

/** Takes the content of one file, in order. */
export interface FatFileWriter {
  write(bytes: Uint8Array): void;
  /** @throws UserError if content is missing */
  close(): void;
}

/**
 * Writes a volume. Its files can be written in any order.
 *
 * The bytes depend only on the entries, their contents and the options: directories are sorted by
 * name, and all directories come first, followed by all files in the order of their paths, without
 * gaps. FAT stores no owners, modes or extended attributes.
 *
 * The sink must contain zeros wherever nothing is written: in the free part of the tables, free
 * clusters, the rest of a file's last cluster, and long ranges of zeros within files. Everything
 * else is written in whole sectors.
 */
export class FatWriter {
  readonly #sink: BlockSink;
  readonly #options: FatOptions;
  readonly #geometry: FatGeometry;
  readonly #plan: VolumePlan;
  /** The files whose content was not written yet. */
  readonly #missing: Map<string, FatFile>;

  /** @throws UserError for entries that FAT cannot hold, and for a volume that is too small */
  constructor(sink: BlockSink, entries: readonly Entry[], options: FatOptions) {
    checkOptions(options);
    this.#sink = sink;
    this.#options = options;
    this.#geometry = planGeometry(options);
    const root = buildTree(entries);
    this.#plan = planVolume(root, this.#geometry, options.label);
    if (this.#plan.usedClusterCount > this.#geometry.clusterCount)
      throw new UserError(tooSmall(root, this.#geometry, this.#plan, options));
    const files = this.#plan.files.filter(({ sizeBytes }) => sizeBytes > 0);
    this.#missing = new Map(files.map((file) => [file.path, file]));
  }

  /**
   * Begins a file.
   *
   * @param path the path of an entry that has content and was not opened before
   */
  openFile(path: string): FatFileWriter {
    const file = this.#missing.get(path);
    if (file === undefined) throw new Error(`"${path}" is not a file whose content is missing`);
    this.#missing.delete(path);
    const startBytes = clusterOffset(this.#geometry, runOf(this.#plan, file).firstCluster);
    return new FileWriter(this.#sink, startBytes, file);
  }

  /**
   * Writes the tables, the directories and, last, the boot sector.
   *
   * @throws UserError if the content of a file is missing
   */
  finish(): FatSummary {
    for (const { path, sizeBytes } of this.#missing.values()) {
      throw new UserError(`FAT: "${path}" has 0 bytes of content, its entry says ${sizeBytes}`);
    }
    writeMetadata(this.#sink, this.#geometry, this.#plan, this.#options);
    const { type, clusterCount } = this.#geometry;
    return {
      type,
      clusterBytes: clusterBytesOf(this.#geometry),
      clusterCount,
      freeClusterCount: clusterCount - this.#plan.usedClusterCount,
    };
  }
}

/**
 * Writes a whole volume. See {@link FatWriter}.
 *
 * @throws UserError for entries that FAT cannot hold, for a volume that is too small, and for
 *   content whose length differs from its entry
 */
export function writeFat(
  sink: BlockSink,
  entries: readonly Entry[],
  content: FileContent,
  options: FatOptions,
): FatSummary {
  const writer = new FatWriter(sink, entries, options);
  for (const entry of entries) {
    if (entry.type !== 'file' || entry.sizeBytes === 0) continue;
    const file = writer.openFile(entry.path);
    for (const piece of content(entry.path)) file.write(piece);
    file.close();
  }
  return writer.finish();
}

function checkOptions(options: FatOptions): void {
  const { label, volumeId, hiddenSectors = 0 } = options;
  if (label !== '' && (!LABEL_PATTERN.test(label) || label.endsWith(' ') || label === NO_LABEL)) {
    throw new UserError(
      `FAT: the volume label "${label}": use up to ${SHORT_NAME_BYTES} upper-case letters, digits, spaces, _ and -`,
    );
  }
  for (const [name, value] of [
    ['the volume ID', volumeId],
    ['the number of hidden sectors', hiddenSectors],
  ] as const) {
    if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
      throw new UserError(`FAT: ${name} ${value} is not an integer of 32 bits`);
    }
  }
}

class FileWriter implements FatFileWriter {
  readonly #sink: BlockSink;
  readonly #startBytes: number;
  readonly #file: FatFile;
  #writtenBytes = 0;

  constructor(sink: BlockSink, startBytes: number, file: FatFile) {
    this.#sink = sink;
    this.#startBytes = startBytes;
    this.#file = file;
  }

  write(bytes: Uint8Array): void {
    const { path, sizeBytes } = this.#file;
    if (this.#writtenBytes + bytes.length > sizeBytes) {
      throw new UserError(`FAT: "${path}" has more content than the ${sizeBytes} bytes of its entry`);
    }
    writeData(this.#sink, this.#startBytes + this.#writtenBytes, bytes);
    this.#writtenBytes += bytes.length;
  }

  close(): void {
    const { path, sizeBytes } = this.#file;
    if (this.#writtenBytes === sizeBytes) return;
    throw new UserError(
      `FAT: "${path}" has ${this.#writtenBytes} bytes of content, its entry says ${sizeBytes}`,
    );
  }
}

/** Zeros are left out only in whole units of this size. */
const ZERO_UNIT_BYTES = 32768;
const ZEROS = Buffer.alloc(ZERO_UNIT_BYTES);

/** Writes a piece of a file without its long ranges of zeros, which the sink already has. */
function writeData(sink: BlockSink, offsetBytes: number, piece: Uint8Array): void {
  let start = 0;
  for (let position = 0; position < piece.length; position += ZERO_UNIT_BYTES) {
    const end = Math.min(position + ZERO_UNIT_BYTES, piece.length);
    if (piece[position] !== 0 || piece[end - 1] !== 0) continue;
    if (ZEROS.compare(piece, position, end, 0, end - position) !== 0) continue;
    if (position > start) sink.write(offsetBytes + start, piece.subarray(start, position));
    start = end;
  }
  if (start < piece.length) sink.write(offsetBytes + start, piece.subarray(start));
}
