/** The cpio format of an initramfs ("newc"). See docs/formats/cpio.md. */

export { type CpioMember, writeNewc } from './newc.ts';
export { readNewc } from './read.ts';
