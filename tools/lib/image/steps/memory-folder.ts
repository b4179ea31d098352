/**
 * Chooses the folder for the memory of the user-mode Linux kernel, a file that it creates, maps and
 * unlinks.
 */
import { accessSync, constants, readFileSync, statfsSync } from 'node:fs';

/** linux/magic.h */
const TMPFS_MAGIC = 0x01021994;
const SHARED_MEMORY_FOLDER = '/dev/shm';

/** Whether `folder` is a mount point with the option `noexec`. */
function isNoExec(folder: string): boolean {
  const lines = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  const mount = lines.findLast((line) => line.split(' ')[1] === folder);
  return mount?.split(' ')[3]?.split(',').includes('noexec') ?? false;
}

/**
 * Chooses /dev/shm if possible, because it is in memory and not on a disk. In a sandbox or a
 * container, that folder may be read-only, only a few megabytes large, or closed to the executable
 * mappings that the kernel needs.
 *
 * @returns `/dev/shm` if it is usable, else `fallback`
 */
export function chooseMemoryFolder(memoryBytes: number, fallback: string): string {
  try {
    accessSync(SHARED_MEMORY_FOLDER, constants.W_OK | constants.X_OK);
    const { type, bavail, bsize } = statfsSync(SHARED_MEMORY_FOLDER);
    const isUsable = type === TMPFS_MAGIC && bavail * bsize >= memoryBytes && !isNoExec(SHARED_MEMORY_FOLDER);
    return isUsable ? SHARED_MEMORY_FOLDER : fallback;
  } catch {
    return fallback;
  }
}
