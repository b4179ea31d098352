/** The writer and the reader of ext4. docs/formats/ext4.md describes both. */

export type { DataRange } from './content-reader.ts';
export { minimumExt4SizeBytes } from './minimum.ts';
export { LOST_AND_FOUND } from './numbered-tree.ts';
export type { Ext4Options, Ext4Summary } from './options.ts';
export { type Ext4Reader, type Ext4Record, readExt4 } from './reader.ts';
export type { Superblock } from './superblock.ts';
export { type Ext4File, Ext4Writer } from './writer.ts';
