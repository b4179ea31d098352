/**
 * What a dynamic loader reads of an ELF64 file: the interpreter and the libraries it asks for.
 *
 * Specification: System V ABI (gABI), chapters 4 "Object Files" and 5 "Program Loading and Dynamic Linking".
 */
import { UserError } from '../error/user-error.ts';

/** gABI figure 4-4: e_ident. */
const MAGIC = Buffer.from('\x7fELF', 'latin1');
const CLASS_OFFSET = 4;
const CLASS_64 = 2;
const DATA_OFFSET = 5;
const DATA_LITTLE_ENDIAN = 1;

/** gABI figure 4-3: Elf64_Ehdr. */
const HEADER_BYTES = 64;
const MACHINE_OFFSET = 18;
const PROGRAM_HEADERS_OFFSET = 32;
const PROGRAM_HEADER_SIZE_OFFSET = 54;
const PROGRAM_HEADER_COUNT_OFFSET = 56;

/** gABI figure 5-1: Elf64_Phdr, and figure 5-2: p_type. */
const PROGRAM_HEADER_BYTES = 56;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;

/** gABI figure 5-10: d_tag. */
const DYNAMIC_BYTES = 16;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_SONAME = 14;
const DT_RPATH = 15;
const DT_RUNPATH = 29;

export interface ElfFile {
  /** e_machine: 62 is x86-64. */
  readonly machine: number;
  /** PT_INTERP: the loader's path; absent in static executables and in libraries. */
  readonly interpreter: string | undefined;
  readonly soname: string | undefined;
  /** DT_NEEDED, in the order of the file. */
  readonly needed: readonly string[];
  /** The directories of DT_RUNPATH (`$ORIGIN` and its like not replaced). */
  readonly runpath: readonly string[];
  /** The directories of DT_RPATH, which a loader heeds only where there is no DT_RUNPATH. */
  readonly rpath: readonly string[];
}

interface Segment {
  readonly type: number;
  readonly fileOffset: number;
  readonly address: bigint;
  readonly fileBytes: number;
}

/** Whether the bytes begin like an ELF file of any class. */
export function isElf(bytes: Uint8Array): boolean {
  return MAGIC.equals(bytes.subarray(0, MAGIC.length));
}

function readSegments(file: Buffer, name: string): Segment[] {
  const start = Number(file.readBigUInt64LE(PROGRAM_HEADERS_OFFSET));
  const sizeBytes = file.readUInt16LE(PROGRAM_HEADER_SIZE_OFFSET);
  const count = file.readUInt16LE(PROGRAM_HEADER_COUNT_OFFSET);
  if (count > 0 && (sizeBytes < PROGRAM_HEADER_BYTES || start + count * sizeBytes > file.length)) {
    throw new UserError(`${name}: the ELF program headers pass the end of the file; the file is damaged`);
  }
  return Array.from({ length: count }, (_, index) => {
    const offset = start + index * sizeBytes;
    return {
      type: file.readUInt32LE(offset),
      fileOffset: Number(file.readBigUInt64LE(offset + 8)),
      address: file.readBigUInt64LE(offset + 16),
      fileBytes: Number(file.readBigUInt64LE(offset + 32)),
    };
  });
}

function segmentBytes(file: Buffer, segment: Segment, name: string): Buffer {
  if (segment.fileOffset + segment.fileBytes > file.length) {
    throw new UserError(`${name}: an ELF segment passes the end of the file; the file is damaged`);
  }
  return file.subarray(segment.fileOffset, segment.fileOffset + segment.fileBytes);
}

function stringAt(file: Buffer, offsetBytes: number, name: string): string {
  const end = offsetBytes < file.length ? file.indexOf(0, offsetBytes) : -1;
  if (end < 0) throw new UserError(`${name}: an ELF string passes the end of the file; the file is damaged`);
  return file.toString('utf8', offsetBytes, end);
}

function fileOffsetOf(address: bigint, segments: readonly Segment[], name: string): number {
  for (const segment of segments) {
    const within = address - segment.address;
    if (segment.type === PT_LOAD && within >= 0n && within < BigInt(segment.fileBytes)) {
      return segment.fileOffset + Number(within);
    }
  }
  throw new UserError(`${name}: the ELF string table is in no segment; the file is damaged`);
}

function readDynamic(table: Buffer): [tag: number, value: bigint][] {
  const tags: [number, bigint][] = [];
  for (let offset = 0; offset + DYNAMIC_BYTES <= table.length; offset += DYNAMIC_BYTES) {
    const tag = Number(table.readBigInt64LE(offset));
    if (tag === DT_NULL) break;
    tags.push([tag, table.readBigUInt64LE(offset + 8)]);
  }
  return tags;
}

/**
 * Reads the dynamic section of a little-endian ELF64 file.
 *
 * @param bytes the whole file
 * @param name the file's name for error messages
 * @throws UserError where the file is of another class, or damaged
 */
export function readElf(bytes: Uint8Array, name: string): ElfFile {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isElf(file)) throw new UserError(`${name}: not an ELF file`);
  if (file.length < HEADER_BYTES)
    throw new UserError(`${name}: the ELF header is cut off; the file is damaged`);
  if (file[CLASS_OFFSET] !== CLASS_64 || file[DATA_OFFSET] !== DATA_LITTLE_ENDIAN) {
    throw new UserError(`${name}: not a 64-bit little-endian ELF file`);
  }
  const segments = readSegments(file, name);
  const dynamicSegment = segments.find((segment) => segment.type === PT_DYNAMIC);
  const interpreterSegment = segments.find((segment) => segment.type === PT_INTERP);
  const dynamic = dynamicSegment === undefined ? [] : readDynamic(segmentBytes(file, dynamicSegment, name));
  const stringTable = dynamic.find(([tag]) => tag === DT_STRTAB);
  const stringsOf = (wanted: number): string[] => {
    const offsets = dynamic.filter(([tag]) => tag === wanted).map(([, value]) => Number(value));
    if (offsets.length === 0) return [];
    if (stringTable === undefined)
      throw new UserError(`${name}: the ELF file has no string table; the file is damaged`);
    const start = fileOffsetOf(stringTable[1], segments, name);
    return offsets.map((offset) => stringAt(file, start + offset, name));
  };
  const directoriesOf = (tag: number): string[] =>
    stringsOf(tag)
      .flatMap((list) => list.split(':'))
      .filter((directory) => directory !== '');
  return {
    machine: file.readUInt16LE(MACHINE_OFFSET),
    interpreter:
      interpreterSegment &&
      segmentBytes(file, interpreterSegment, name).toString('utf8').replace(/\0.*$/s, ''),
    soname: stringsOf(DT_SONAME)[0],
    needed: stringsOf(DT_NEEDED),
    runpath: directoriesOf(DT_RUNPATH),
    rpath: directoriesOf(DT_RPATH),
  };
}
