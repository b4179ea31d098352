/**
 * Bundles every tool into tools/prebuilt/NAME.mjs: `pnpm run bundle`. A file is written only where its content is new,
 * so that nothing is built again for a change that changes nothing.
 *
 * A tool that does not bundle has no file afterwards, the others have theirs, and the exit code is 1.
 */
import { existsSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import config from './config.ts';

const WORKSPACE = resolve(import.meta.dirname, '../..');
const PREBUILT = 'tools/prebuilt';
/** As old as the newest source that is in the bundles can be; tools/bazel compares with it. */
const STAMP = join(WORKSPACE, PREBUILT, '.stamp');

/** The tools are the folders beside this one that have a main.ts, but for this one, which needs no bundle to run. */
function toolNames(): string[] {
  return readdirSync(join(WORKSPACE, 'tools'))
    .filter((name) => name !== 'bundle' && existsSync(join(WORKSPACE, 'tools', name, 'main.ts')))
    .sort();
}

/** @returns whether it could be bundled; if not, esbuild has said what is wrong, and where. */
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
