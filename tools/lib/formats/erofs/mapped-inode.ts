/** An inode whose content is looked for. */
import type { StoredInode } from './inode.ts';

/** Thrown for an inode that contradicts itself; the message is a clause. */
export class DataMapError extends Error {}

export interface MappedInode extends StoredInode {
  /** Where the image has what follows the inode and its attributes. */
  readonly indexOffsetBytes: number;
  readonly blockBytes: number;
}

export type ReadImage = (offsetBytes: number, lengthBytes: number) => Uint8Array;
