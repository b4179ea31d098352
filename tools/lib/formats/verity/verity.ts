/** Builds, sizes and verifies dm-verity hash trees (docs/formats/verity.md). */
export { VerityBuilder, type VerityOptions, type VerityResult } from './builder.ts';
export {
  SUPERBLOCK,
  VERITY_HASHES,
  type VerityFormat,
  type VerityFormatOptions,
  type VerityHash,
  verityFormat,
} from './format.ts';
export {
  planTree,
  type TreeGeometry,
  type TreeLevel,
  type TreePlace,
  verityDataBytes,
  verityHashBytes,
} from './geometry.ts';
export type { VeritySuperblock } from './superblock.ts';
export { readVeritySuperblock, type VerifyOptions, type VerityParameters, verifyVerity } from './verify.ts';
