import type { PartitionImage } from '../image.ts';
import { failure, runRealTool } from '../tool.ts';

/** Checks that e2fsck, fsck.erofs or fsck.vfat finds nothing to repair. */
export function cleanProblems({ name, path, index }: PartitionImage): string[] {
  const type = index.fileSystem?.type;
  if (type === 'ext4') {
    return failure(`e2fsck -fn ${name}`, runRealTool('e2fsck', 'e2fsprogs', ['-f', '-n', path]));
  }
  if (type === 'erofs') {
    return failure(`fsck.erofs ${name}`, runRealTool('fsck.erofs', 'erofs-utils', ['--extract', path]));
  }
  return failure(`fsck.vfat -n ${name}`, runRealTool('fsck.vfat', 'dosfstools', ['-n', path]));
}

/**
 * Verifies every block of the file system with veritysetup, against the root hash that the kernel
 * receives.
 */
export function verityProblems({ name, path, index }: PartitionImage): string[] {
  if (index.verity === undefined) return [`${name}: no hash tree`];
  const { rootHash, hashOffsetBytes } = index.verity;
  const args = ['verify', path, path, rootHash, `--hash-offset=${hashOffsetBytes}`];
  return failure(`veritysetup verify ${name}`, runRealTool('veritysetup', 'cryptsetup-bin', args));
}
