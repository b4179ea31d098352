import { accessSync, constants } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

/**
 * Finds a real tool that a test holds our own code against: `$E2FSCK` for `e2fsck`, else the search path with the
 * system directories added. A missing tool is a failure of the test, never a skip.
 *
 * @param name the command's name; `fsck.vfat` is looked up as `$FSCK_VFAT`
 * @param debianPackage the Debian package that has it, for the error message
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
    `${name} is not here, and this test needs it: apt-get install ${debianPackage}, or set ${variable}`,
  );
}
