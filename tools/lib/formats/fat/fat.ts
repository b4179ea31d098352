/** Writes and reads FAT12, FAT16 and FAT32 volumes with long names (docs/formats/fat.md). */
export type { FatType } from './format.ts';
export { type FatGeometry, type GeometryOptions, planGeometry } from './geometry.ts';
export type { FatOptions } from './plan.ts';
export { FatReader, type FatRecord, readFat } from './read.ts';
export { type FatVolume, formatVolumeId } from './volume.ts';
export { type FatFileWriter, type FatSummary, FatWriter, type FileContent, writeFat } from './write.ts';
