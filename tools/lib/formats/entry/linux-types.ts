/** Numbers the types of files as the file systems of Linux do. */
import type { Entry } from './entry.ts';

/** The type bits of a mode: S_IFMT of stat(2) is the mask of the values. */
export const MODE = {
  mask: 0xf000,
  fifo: 0x1000,
  characterDevice: 0x2000,
  directory: 0x4000,
  blockDevice: 0x6000,
  file: 0x8000,
  symlink: 0xa000,
  socket: 0xc000,
} as const;

/** The types of files in directories: FT_* of linux/fs_types.h. */
export const FILE_TYPE = {
  file: 1,
  directory: 2,
  characterDevice: 3,
  blockDevice: 4,
  fifo: 5,
  socket: 6,
  symlink: 7,
} as const;

/**
 * A device number has 12 bits of major and 20 bits of minor (new_encode_dev() in linux/kdev_t.h).
 */
export const MAXIMUM_MAJOR = 0xfff;
export const MAXIMUM_MINOR = 0xfffff;

interface LinuxType {
  readonly mode: number;
  readonly fileType: number;
}

const TYPES: Readonly<Record<Exclude<Entry['type'], 'hardlink'>, LinuxType>> = {
  file: { mode: MODE.file, fileType: FILE_TYPE.file },
  directory: { mode: MODE.directory, fileType: FILE_TYPE.directory },
  symlink: { mode: MODE.symlink, fileType: FILE_TYPE.symlink },
  'character-device': { mode: MODE.characterDevice, fileType: FILE_TYPE.characterDevice },
  'block-device': { mode: MODE.blockDevice, fileType: FILE_TYPE.blockDevice },
  fifo: { mode: MODE.fifo, fileType: FILE_TYPE.fifo },
  socket: { mode: MODE.socket, fileType: FILE_TYPE.socket },
};

/**
 * Returns the type bits of the mode of an entry, and its type in a directory. Throws for hard
 * links, which have the type of their target.
 */
export function typeOf(entry: Entry): LinuxType {
  if (entry.type === 'hardlink')
    throw new Error(`${entry.path} is a hard link, which has the type of its target`);
  return TYPES[entry.type];
}
