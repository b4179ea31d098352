/**
 * Reads the parts of an ELF64 file that a dynamic loader uses: the interpreter and the required
 * libraries.
 */

import { UserError } from '../error/user-error.ts';
import {
  DT_NEEDED,
  DT_NULL,
  DT_RPATH,
  DT_RUNPATH,
  DT_SONAME,
  DT_STRTAB,
  DYN,
  E_IDENT,
  EHDR,
  ELFCLASS64,
  ELFDATA2LSB,
  MAGIC,
  PHDR,
  PT_DYNAMIC,
  PT_INTERP,
  PT_LOAD,
} from './format.ts';

export interface ElfFile {
  /** e_machine: 62 is x86-64. */
  readonly machine: number;
  /** PT_INTERP: the loader's path. Absent in static executables and in libraries. */
  readonly interpreter: string | undefined;
  readonly soname: string | undefined;
  /** DT_NEEDED, in the order of the file. */
  readonly needed: readonly string[];
  /** The directories of DT_RUNPATH. Variables such as `$ORIGIN` are not replaced. */
  readonly runpath: readonly string[];
  /** The directories of DT_RPATH, which a loader uses only if DT_RUNPATH is absent. */
  readonly rpath: readonly string[];
}

interface Segment {
  readonly type: number;
  readonly fileOffset: number;
  readonly address: bigint;
  readonly fileBytes: number;
}

/** Reports whether the bytes begin with the magic number of an ELF file, of any class. */
export function isElf(bytes: Uint8Array): boolean {
  return MAGIC.equals(bytes.subarray(0, MAGIC.length));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function readSegments(file: Buffer, name: string): Segment[] {
  const view = viewOf(file);
  const start = EHDR.at.e_phoff.get(view);
  const sizeBytes = EHDR.at.e_phentsize.get(view);
  const count = EHDR.at.e_phnum.get(view);
  if (count > 0 && (sizeBytes < PHDR.sizeBytes || start + count * sizeBytes > file.length)) {
    throw new UserError(`${name}: the ELF program headers pass the end of the file; the file is damaged`);
  }
  return Array.from({ length: count }, (_, index) => {
    const offset = start + index * sizeBytes;
    return {
      type: PHDR.at.p_type.get(view, offset),
      fileOffset: PHDR.at.p_offset.get(view, offset),
      address: PHDR.at.p_vaddr.getBig(view, offset),
      fileBytes: PHDR.at.p_filesz.get(view, offset),
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
  const view = viewOf(table);
  const tags: [number, bigint][] = [];
  for (let offset = 0; offset + DYN.sizeBytes <= table.length; offset += DYN.sizeBytes) {
    const tag = DYN.at.d_tag.get(view, offset);
    if (tag === DT_NULL) break;
    tags.push([tag, DYN.at.d_un.getBig(view, offset)]);
  }
  return tags;
}

/**
 * Reads the dynamic section of a little-endian ELF64 file.
 *
 * @param bytes the whole file
 * @param name the file's name for error messages
 * @throws UserError if the file is of another class, or damaged
 */
export function readElf(bytes: Uint8Array, name: string): ElfFile {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isElf(file)) throw new UserError(`${name}: not an ELF file`);
  if (file.length < EHDR.sizeBytes)
    throw new UserError(`${name}: the ELF header is truncated; the file is damaged`);
  if (
    file[E_IDENT.at.EI_CLASS.offsetBytes] !== ELFCLASS64 ||
    file[E_IDENT.at.EI_DATA.offsetBytes] !== ELFDATA2LSB
  ) {
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
    machine: EHDR.at.e_machine.get(viewOf(file)),
    interpreter:
      interpreterSegment &&
      segmentBytes(file, interpreterSegment, name).toString('utf8').replace(/\0.*$/s, ''),
    soname: stringsOf(DT_SONAME)[0],
    needed: stringsOf(DT_NEEDED),
    runpath: directoriesOf(DT_RUNPATH),
    rpath: directoriesOf(DT_RPATH),
  };
}
