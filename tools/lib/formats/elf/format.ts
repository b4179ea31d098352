/**
 * The structures of an ELF64 file that a dynamic loader reads.
 *
 * Specification: System V ABI (gABI), chapters 4 "Object Files" and 5 "Program Loading and Dynamic
 * Linking".
 */

import { structure } from '../structure/structure.ts';

/** gABI figure 4-4: e_ident. */
export const E_IDENT = structure([
  [0, 4, 'EI_MAG'],
  [4, 1, 'EI_CLASS'],
  [5, 1, 'EI_DATA'],
  [6, 1, 'EI_VERSION'],
  [7, 1, 'EI_OSABI'],
  [8, 1, 'EI_ABIVERSION'],
  [9, 7, 'EI_PAD'],
]);

export const MAGIC = Buffer.from('\x7fELF', 'latin1');
export const ELFCLASS64 = 2;
export const ELFDATA2LSB = 1;
export const EV_CURRENT = 1;

/** gABI figure 4-3: Elf64_Ehdr, the ELF header. */
export const EHDR = structure([
  [0, 16, 'e_ident'],
  [16, 2, 'e_type'],
  [18, 2, 'e_machine'],
  [20, 4, 'e_version'],
  [24, 8, 'e_entry'],
  [32, 8, 'e_phoff'],
  [40, 8, 'e_shoff'],
  [48, 4, 'e_flags'],
  [52, 2, 'e_ehsize'],
  [54, 2, 'e_phentsize'],
  [56, 2, 'e_phnum'],
  [58, 2, 'e_shentsize'],
  [60, 2, 'e_shnum'],
  [62, 2, 'e_shstrndx'],
]);

/** e_type of a shared object. */
export const ET_DYN = 3;
/** e_machine of x86-64. */
export const EM_X86_64 = 62;

/** gABI figure 5-1: Elf64_Phdr, a program header. */
export const PHDR = structure([
  [0, 4, 'p_type'],
  [4, 4, 'p_flags'],
  [8, 8, 'p_offset'],
  [16, 8, 'p_vaddr'],
  [24, 8, 'p_paddr'],
  [32, 8, 'p_filesz'],
  [40, 8, 'p_memsz'],
  [48, 8, 'p_align'],
]);

/** gABI figure 5-2: p_type. */
export const PT_LOAD = 1;
export const PT_DYNAMIC = 2;
export const PT_INTERP = 3;
/** gABI figure 5-3: p_flags. */
export const PF_R = 4;

/** gABI figure 5-9: Elf64_Dyn, an element of the dynamic section. d_val and d_ptr are one union. */
export const DYN = structure([
  [0, 8, 'd_tag'],
  [8, 8, 'd_un'],
]);

/** gABI figure 5-10: d_tag. */
export const DT_NULL = 0;
export const DT_NEEDED = 1;
export const DT_STRTAB = 5;
export const DT_STRSZ = 10;
export const DT_SONAME = 14;
export const DT_RPATH = 15;
export const DT_RUNPATH = 29;
