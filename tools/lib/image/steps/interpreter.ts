/**
 * Changes the interpreter of an ELF program, so that the user-mode Linux kernel starts with the
 * loader and the C library of the runner root, not with those of the host.
 *
 * Most programs can also be run as `ld.so PROGRAM`, but this one cannot: it places its memory
 * between its own image and its heap. If a program is started through the loader, Linux places the
 * heap after the loader, far away, and not after the program. A copy that names another interpreter
 * is loaded as usual.
 */
import { UserError } from '../../formats/error/user-error.ts';

/** System V ABI, chapters 4 and 5: Elf64_Ehdr and Elf64_Phdr. */
const PROGRAM_HEADERS_OFFSET = 32;
const PROGRAM_HEADER_SIZE_OFFSET = 54;
const PROGRAM_HEADER_COUNT_OFFSET = 56;
const SEGMENT_FILE_OFFSET = 8;
const SEGMENT_FILE_BYTES_OFFSET = 32;
const PT_INTERP = 3;

/**
 * Copies a program and changes the path of its interpreter (`PT_INTERP`).
 *
 * @param program an ELF64 program
 * @param interpreter the path of the loader: absolute, or relative to the folder in which the
 *   program starts
 * @param name the name of the program in error messages
 * @returns a copy that the kernel starts through `interpreter`
 */
export function withInterpreter(program: Uint8Array, interpreter: string, name: string): Buffer {
  const copy = Buffer.from(program);
  const start = Number(copy.readBigUInt64LE(PROGRAM_HEADERS_OFFSET));
  const sizeBytes = copy.readUInt16LE(PROGRAM_HEADER_SIZE_OFFSET);
  const count = copy.readUInt16LE(PROGRAM_HEADER_COUNT_OFFSET);
  for (let header = start; header < start + count * sizeBytes; header += sizeBytes) {
    if (copy.readUInt32LE(header) !== PT_INTERP) continue;
    const offset = Number(copy.readBigUInt64LE(header + SEGMENT_FILE_OFFSET));
    const lengthBytes = Number(copy.readBigUInt64LE(header + SEGMENT_FILE_BYTES_OFFSET));
    if (Buffer.byteLength(interpreter) >= lengthBytes) {
      throw new UserError(`${name}: the interpreter ${interpreter} does not fit into ${lengthBytes} bytes`);
    }
    copy.fill(0, offset, offset + lengthBytes);
    copy.write(interpreter, offset);
    return copy;
  }
  throw new UserError(`${name}: it is not a dynamically linked program`);
}
