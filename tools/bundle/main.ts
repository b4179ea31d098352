/**
 * Bundles every tool into tools/prebuilt/NAME.mjs: `npm run bundle`. A file is written only if its
 * content changes, so that Bazel does not rebuild the targets that depend on an unchanged bundle.
 *
 * If a tool cannot be bundled, its file is removed, the other tools are still bundled, and the exit
 * code is 1.
 */
import { existsSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import config from './config.ts';

const WORKSPACE = resolve(import.meta.dirname, '../..');
const PREBUILT = 'tools/prebuilt';
/**
 * The modification time of this file is the start of the last run that bundled all tools.
 * tools/bazel bundles again if a source is newer.
 */
const STAMP = join(WORKSPACE, PREBUILT, '.stamp');

/**
 * Returns the directories in tools/ that have a main.ts, except this one, which runs from source.
 */
function toolNames(): string[] {
  return readdirSync(join(WORKSPACE, 'tools'))
    .filter((name) => name !== 'bundle' && existsSync(join(WORKSPACE, 'tools', name, 'main.ts')))
    .sort();
}

/** @returns whether the tool could be bundled; if not, esbuild has printed the error */
async function bundle(name: string): Promise<boolean> {
  try {
    await build({
      ...config,
      absWorkingDir: WORKSPACE,
      bundle: true,
      entryPoints: [`tools/${name}/main.ts`],
      outfile: `${PREBUILT}/${name}.mjs`,
      tsconfig: 'tsconfig.json',
      logLevel: 'warning',
      logLimit: 0,
    });
    return true;
  } catch {
    return false;
  }
}

/** Removes the bundles of tools that were deleted or could not be bundled. */
function removeOthers(names: readonly string[]): void {
  for (const file of readdirSync(join(WORKSPACE, PREBUILT))) {
    if (file.endsWith('.mjs') && !names.includes(file.slice(0, -'.mjs'.length))) {
      rmSync(join(WORKSPACE, PREBUILT, file));
    }
  }
}

const startedAt = new Date();
const names = toolNames();
const bundled = await Promise.all(names.map(bundle));
removeOthers(names.filter((_, index) => bundled[index]));
if (bundled.includes(false)) {
  process.exitCode = 1;
} else {
  writeFileSync(STAMP, '');
  utimesSync(STAMP, startedAt, startedAt);
}
