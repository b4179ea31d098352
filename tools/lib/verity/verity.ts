/** dm-verity hash trees: build, size, verify (docs/formats/verity.md). */
export { VerityBuilder, type VerityOptions, type VerityResult } from './builder.ts';
export { verityDataBytes, verityHashBytes } from './geometry.ts';
export type { VeritySuperblock } from './superblock.ts';
export { readVeritySuperblock, verifyVerity } from './verify.ts';
