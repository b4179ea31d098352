/** The interface of the EROFS library. The format page is docs/formats/erofs.md. */

export type { ContentPlace } from './layout.ts';
export type { MetadataChunk } from './metadata.ts';
export type { ErofsCompression, ErofsOptions } from './options.ts';
export { ErofsPlan, planErofs } from './plan.ts';
export { type DataRange, ErofsReader, type ErofsRecord, readErofs } from './reader.ts';
export type { ErofsSuperblock } from './superblock.ts';
export { type ErofsFile, type ErofsSummary, ErofsWriter } from './writer.ts';
