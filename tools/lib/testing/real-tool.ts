import { accessSync, constants } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

/**
 * Finds a real tool that a test compares our code with: `$E2FSCK` for `e2fsck`, else the first
 * match in the search path and the system directories. If the tool is missing, the test fails and
 * is not skipped.
 *
 * @param name of the command; the variable of `fsck.vfat` is `$FSCK_VFAT`
 * @param debianPackage the Debian package of the command, for the error message
 */
export function realTool(name: string, debianPackage: string): string {
  const variable = name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');
  const configured = process.env[variable];
  if (configured !== undefined && configured !== '') return resolve(configured);
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/bin', '/bin'];
  for (const folder of folders) {
    const candidate = join(folder, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not in this folder: look in the next one.
    }
  }
  throw new Error(
    `${name} is missing, and this test needs it: apt-get install ${debianPackage}, or set ${variable}`,
  );
}
