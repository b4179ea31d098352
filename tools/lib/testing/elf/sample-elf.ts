/**
 * Makes small ELF64 files with a chosen dynamic section, for tests. They cannot be executed;
 * readelf reads them.
 */
import {
  DT_NEEDED,
  DT_NULL,
  DT_RPATH,
  DT_RUNPATH,
  DT_SONAME,
  DT_STRSZ,
  DT_STRTAB,
  DYN,
  E_IDENT,
  EHDR,
  ELFCLASS64,
  ELFDATA2LSB,
  EM_X86_64,
  ET_DYN,
  EV_CURRENT,
  MAGIC,
  PF_R,
  PHDR,
  PT_DYNAMIC,
  PT_INTERP,
  PT_LOAD,
} from '../../formats/elf/format.ts';

export interface SampleElf {
  readonly interpreter?: string;
  readonly soname?: string;
  readonly needed?: readonly string[];
  readonly runpath?: string;
  readonly rpath?: string;
}

const ALIGNMENT_BYTES = 8;

/** Makes a program header. Addresses are equal to offsets in the file. */
function programHeader(type: number, offsetBytes: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(PHDR.sizeBytes);
  const view = new DataView(bytes.buffer);
  const { at } = PHDR;
  at.p_type.set(view, type);
  at.p_flags.set(view, PF_R);
  for (const field of [at.p_offset, at.p_vaddr, at.p_paddr]) field.set(view, offsetBytes);
  for (const field of [at.p_filesz, at.p_memsz]) field.set(view, sizeBytes);
  at.p_align.set(view, ALIGNMENT_BYTES);
  return bytes;
}

function fileHeader(programHeaderCount: number): Uint8Array {
  const bytes = new Uint8Array(EHDR.sizeBytes);
  const view = new DataView(bytes.buffer);
  E_IDENT.at.EI_MAG.setBytes(bytes, MAGIC);
  E_IDENT.at.EI_CLASS.set(view, ELFCLASS64);
  E_IDENT.at.EI_DATA.set(view, ELFDATA2LSB);
  E_IDENT.at.EI_VERSION.set(view, EV_CURRENT);
  const { at } = EHDR;
  at.e_type.set(view, ET_DYN);
  at.e_machine.set(view, EM_X86_64);
  at.e_version.set(view, EV_CURRENT);
  at.e_phoff.set(view, EHDR.sizeBytes);
  at.e_ehsize.set(view, EHDR.sizeBytes);
  at.e_phentsize.set(view, PHDR.sizeBytes);
  at.e_phnum.set(view, programHeaderCount);
  return bytes;
}

function dynamicSection(elements: readonly (readonly [tag: number, value: number])[]): Uint8Array {
  const bytes = new Uint8Array(elements.length * DYN.sizeBytes);
  const view = new DataView(bytes.buffer);
  for (const [index, [tag, value]] of elements.entries()) {
    DYN.at.d_tag.set(view, tag, index * DYN.sizeBytes);
    DYN.at.d_un.set(view, value, index * DYN.sizeBytes);
  }
  return bytes;
}

/**
 * Makes an ELF64 shared object or executable: header, program headers, interpreter, strings,
 * dynamic section.
 */
export function sampleElf(sample: SampleElf): Buffer {
  const strings: string[] = [''];
  const stringOffset = (text: string): number => {
    const offset = Buffer.byteLength(`${strings.join('\0')}\0`);
    strings.push(text);
    return offset;
  };
  const elements: [number, number][] = (sample.needed ?? []).map((name) => [DT_NEEDED, stringOffset(name)]);
  if (sample.soname !== undefined) elements.push([DT_SONAME, stringOffset(sample.soname)]);
  if (sample.rpath !== undefined) elements.push([DT_RPATH, stringOffset(sample.rpath)]);
  if (sample.runpath !== undefined) elements.push([DT_RUNPATH, stringOffset(sample.runpath)]);
  const table = Buffer.from(`${strings.join('\0')}\0`);
  const interpreter = Buffer.from(sample.interpreter === undefined ? '' : `${sample.interpreter}\0`);

  const headerCount = sample.interpreter === undefined ? 2 : 3;
  const interpreterStart = EHDR.sizeBytes + headerCount * PHDR.sizeBytes;
  const tableStart = interpreterStart + interpreter.length;
  const dynamicStart = Math.ceil((tableStart + table.length) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
  elements.push([DT_STRTAB, tableStart], [DT_STRSZ, table.length], [DT_NULL, 0]);
  const dynamic = dynamicSection(elements);
  return Buffer.concat([
    fileHeader(headerCount),
    ...(sample.interpreter === undefined
      ? []
      : [programHeader(PT_INTERP, interpreterStart, interpreter.length)]),
    programHeader(PT_LOAD, 0, dynamicStart + dynamic.length),
    programHeader(PT_DYNAMIC, dynamicStart, dynamic.length),
    interpreter,
    table,
    Buffer.alloc(dynamicStart - tableStart - table.length),
    dynamic,
  ]);
}
