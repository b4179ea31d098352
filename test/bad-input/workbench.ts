import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect } from 'vitest';

const TOOLS = resolve(import.meta.dirname, '../../tools');

export interface ToolEnd {
  readonly status: number | null;
  /** The text on standard error, without the name of the tool before its message. */
  readonly stderr: string;
}

export interface RunOptions {
  /** The largest file that the tool may write, as `ulimit -f` sets it. */
  readonly fileLimitBytes?: number;
}

/**
 * A directory for one test. Tools run in it, as actions run in the execution root, and it contains
 * all files of the test.
 */
export class Workbench {
  readonly path: string = mkdtempSync(join(tmpdir(), 'bad-input-'));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }

  /** Writes an input. The path is relative to this directory. */
  put(path: string, content: string | Uint8Array): string {
    const file = join(this.path, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return path;
  }

  /** Lists everything below this directory, sorted. */
  files(): string[] {
    return readdirSync(this.path, { recursive: true, encoding: 'utf8' }).sort();
  }

  /** Runs a tool from its sources, with its arguments in a parameter file, as the rules do. */
  run(tool: string, args: readonly string[], { fileLimitBytes }: RunOptions = {}): ToolEnd {
    this.put('params', args.map((arg) => `${arg}\n`).join(''));
    const command = [process.execPath, join(TOOLS, tool, 'main.ts'), '@params'];
    // A block of ulimit is 512 bytes in POSIX sh.
    const limit = fileLimitBytes === undefined ? '' : `ulimit -f ${fileLimitBytes / 512}; `;
    const { status, stderr } = spawnSync('/bin/sh', ['-c', `${limit}exec "$@"`, 'sh', ...command], {
      cwd: this.path,
      encoding: 'utf8',
    });
    return { status, stderr: stderr.replace(/^main\.ts: /m, '') };
  }

  /**
   * Runs a tool that must refuse its input: one line, exit status 1, and the same files as before.
   */
  refusal(tool: string, args: readonly string[], options: RunOptions = {}): string {
    this.put('params', '');
    const before = this.files();
    const { status, stderr } = this.run(tool, args, options);
    expect(stderr, 'one line').toMatch(/^[^\n]+\n$/);
    expect(status).toBe(1);
    expect(this.files(), 'no output remains').toEqual(before);
    return stderr.trimEnd();
  }
}
