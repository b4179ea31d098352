/** Reads the options for the size and the free space of an ext4 file system. */
import { UserError } from '../lib/formats/error/user-error.ts';
import { type Ext4Options, minimumExt4SizeBytes } from '../lib/formats/ext4/ext4.ts';
import { fileSystemSize } from '../lib/image/file-system/options.ts';
import type { SelectedTree } from '../lib/image/file-system/selection.ts';
import { parseSize } from '../lib/image/layout/size.ts';
import { TEXT } from '../lib/runtime/cli/cli.ts';

export const EXT4_ROOM_OPTIONS = {
  /** Instead of a size: the free space after the tree is written. */
  free: TEXT,
  'free-inodes': TEXT,
  'reserved-percent': TEXT,
};

type Values = { readonly [Option in keyof typeof EXT4_ROOM_OPTIONS | 'size']?: string | undefined };

function count(text: string | undefined, option: string): number | undefined {
  if (text === undefined || /^[0-9]+$/.test(text)) return text === undefined ? undefined : Number(text);
  throw new UserError(`--${option}=${text}: write a whole number`);
}

/** Reads the number of free inodes, and the share of blocks that only root may use. */
export function roomOf(values: Values): Pick<Ext4Options, 'freeInodes' | 'reservedPercent'> {
  const freeInodes = count(values['free-inodes'], 'free-inodes');
  const reservedPercent = count(values['reserved-percent'], 'reserved-percent');
  return {
    ...(freeInodes === undefined ? {} : { freeInodes }),
    ...(reservedPercent === undefined ? {} : { reservedPercent }),
  };
}

/** Returns the given size, or the size that leaves the given free space, in bytes. */
export function sizeOf(values: Values, tree: SelectedTree, options: Omit<Ext4Options, 'sizeBytes'>): number {
  if (values.free === undefined) return fileSystemSize(values.size);
  if (values.size !== undefined) {
    throw new UserError('--size and --free: both determine the size of the file system; give one of the two');
  }
  const entries = tree.entries.map(({ entry }) => entry);
  return minimumExt4SizeBytes(entries, options, parseSize(values.free, '--free'));
}
