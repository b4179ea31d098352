/** Where the memory of the user-mode Linux kernel lies: a file that it makes, maps and unlinks. */
import { accessSync, constants, readFileSync, statfsSync } from 'node:fs';

/** linux/magic.h */
const TMPFS_MAGIC = 0x01021994;
const SHARED_MEMORY_FOLDER = '/dev/shm';

/** Whether a line of /proc/self/mounts says that nothing on `folder` may be executed. */
function isNoExec(folder: string): boolean {
  const lines = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  const mount = lines.findLast((line) => line.split(' ')[1] === folder);
  return mount?.split(' ')[3]?.split(',').includes('noexec') ?? false;
}

/**
 * Memory in /dev/shm is never written to a disk, but in a sandbox or a container the folder may be read-only, a few
 * megabytes small, or closed to the executable mappings that the kernel needs.
 *
 * @returns `/dev/shm` where it will do, else `fallback`
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
