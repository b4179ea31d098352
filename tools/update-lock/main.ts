import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { UserError } from '../lib/formats/error/user-error.ts';
import { runTool } from '../lib/runtime/cli/cli.ts';
import { PrivateApt } from './apt.ts';
import { describeChanges } from './changes.ts';
import { formatLock, type LockedPackage, parseLock } from './lock.ts';
import { configuredMirrors, MIRRORS_VARIABLE } from './mirrors.ts';
import { type LockRequest, readLockRequests } from './request.ts';
import { resolveLock } from './resolve.ts';

/** The variable in which `bazel run` passes the root of the source tree. */
const WORKSPACE_VARIABLE = 'BUILD_WORKSPACE_DIRECTORY';
const APT_DIRECTORY = '/etc/apt';

function lockedPackages(file: string): readonly LockedPackage[] {
  return existsSync(file) ? (parseLock(readFileSync(file, 'utf8'), file)?.packages ?? []) : [];
}

/** Writes a file completely or not at all. */
function writeAtomically(file: string, text: string): void {
  const partial = `${file}.partial`;
  try {
    writeFileSync(partial, text);
    renameSync(partial, file);
  } finally {
    rmSync(partial, { force: true });
  }
}

function updateLock(request: LockRequest, directory: string, mirrors: readonly string[]): void {
  const file = join(directory, `${request.name}.lock.json`);
  const privateDirectory = mkdtempSync(join(tmpdir(), 'update-lock-'));
  try {
    const apt = new PrivateApt(privateDirectory, request.architecture);
    const before = lockedPackages(file);
    const lock = resolveLock(apt, request, mirrors);
    const changes = describeChanges(before, lock.packages);
    writeAtomically(file, formatLock(lock));
    const sizeBytes = lock.packages.reduce((sum, entry) => sum + entry.sizeBytes, 0);
    const summary = changes.length === 0 ? 'nothing changed' : `${changes.length} changed`;
    console.log(
      `${request.name}: ${lock.packages.length} packages, ${(sizeBytes / 1e6).toFixed(1)} MB, ${summary}`,
    );
    for (const change of changes) console.log(`  ${change}`);
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${request.name}: ${error.message}`);
    throw error;
  } finally {
    rmSync(privateDirectory, { recursive: true, force: true });
  }
}

await runTool(({ args }) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { directory: { type: 'string', default: 'ic-os/locks' } },
    allowPositionals: true,
  });
  const directory = resolve(process.env[WORKSPACE_VARIABLE] ?? '.', values.directory);
  const mirrors = configuredMirrors(process.env[MIRRORS_VARIABLE], APT_DIRECTORY);
  for (const request of readLockRequests(directory, positionals)) {
    updateLock(request, directory, mirrors);
  }
});
