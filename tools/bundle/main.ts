import { existsSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import config from './config.ts';

const WORKSPACE = resolve(import.meta.dirname, '../..');
const PREBUILT = 'tools/prebuilt';

/** The tools are the folders beside this one that have a main.ts, but for this one, which needs no bundle to run. */
function toolNames(): string[] {
  return readdirSync(join(WORKSPACE, 'tools'))
    .filter((name) => name !== 'bundle' && existsSync(join(WORKSPACE, 'tools', name, 'main.ts')))
    .sort();
}

function removeOthers(names: readonly string[]): void {
  for (const file of readdirSync(join(WORKSPACE, PREBUILT))) {
    if (file.endsWith('.mjs') && !names.includes(file.slice(0, -'.mjs'.length))) {
      rmSync(join(WORKSPACE, PREBUILT, file));
    }
  }
}

// Before the tools are read: a source that changes meanwhile is newer than this.
const startedAt = new Date();
const names = toolNames();
try {
  await build({
    ...config,
    absWorkingDir: WORKSPACE,
    bundle: true,
    entryPoints: names.map((name) => ({ in: `tools/${name}/main.ts`, out: name })),
    outdir: PREBUILT,
    outExtension: { '.js': '.mjs' },
    tsconfig: 'tsconfig.json',
    logLevel: 'warning',
    logLimit: 0,
  });
} catch {
  // esbuild has said what is wrong, and where.
  process.exit(1);
}
removeOthers(names);
const stamp = join(WORKSPACE, PREBUILT, '.stamp');
writeFileSync(stamp, '');
utimesSync(stamp, startedAt, startedAt);
