/** The tar format: reads every common dialect, writes pax and GNU. See docs/formats/tar.md. */

export type { TarData, TarEvent, TarMember } from './parser.ts';
export { readTar, readTarFiles, readTarSync, type TarFile } from './reader.ts';
export { type ScanSource, scanTar } from './scan.ts';
export {
  type Extent,
  type SparseHeader,
  type SparseMember,
  type SparseOptions,
  sparseHeader,
} from './sparse.ts';
export { TarReader } from './tar-reader.ts';
export { TAR_END, type TarOptions, tarHeader, tarPadding } from './writer.ts';
