/** Describes an inode to the functions that find its content. */
import type { StoredInode } from './inode.ts';

/** Thrown for an inode that contradicts itself. Callers add the place to the message. */
export class DataMapError extends Error {}

export interface MappedInode extends StoredInode {
  /** The offset in the image of the first byte after the inode and its attributes. */
  readonly indexOffsetBytes: number;
  readonly blockBytes: number;
}

/** Reads bytes of the image. */
export type ReadImage = (offsetBytes: number, lengthBytes: number) => Uint8Array;
