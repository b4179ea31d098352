import { runInKernel, type TestDisk } from '../kernel/test-kernel.ts';

/** Time for the kernel runs of a `beforeAll`, which has less time than a test by default. */
export const KERNEL_TIMEOUT_MS = 120_000;

/**
 * Runs a script in the test kernel.
 *
 * @param disks files that are /dev/ubda, /dev/ubdb and so on in the kernel
 * @param files for the kernel's root file system, by path
 * @returns the output
 * @throws Error if the script fails
 */
export async function inKernel(
  disks: readonly TestDisk[],
  script: string,
  files: Record<string, string> = {},
): Promise<string> {
  const { output, status } = await runInKernel({ disks, script, files });
  if (status !== 0) throw new Error(`the script ended with exit code ${status}:\n${output}`);
  return output.toString();
}

/** Runs a script in the test kernel on one disk, /dev/ubda, which the script may change. */
export function inKernelOn(path: string, script: string, files?: Record<string, string>): Promise<string> {
  return inKernel([{ path, writable: true }], script, files);
}

/** The device of a disk in the kernel. */
export function diskDevice(index: number): string {
  return `/dev/ubd${String.fromCharCode(0x61 + index)}`;
}
