import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeEach, expect, test } from 'vitest';
import config from '../bundle/config.ts';

const SCRIPT = 'printf "%s\\n" "a \'quoted\' `word` and $& and ä"\n';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bundle-test-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/**
 * Bundles a module that reads `script.sh` beside it with this expression. Returns the path of the
 * bundle.
 */
async function bundle(expression: string): Promise<string> {
  mkdirSync(join(folder, 'source'));
  writeFileSync(join(folder, 'source/script.sh'), SCRIPT);
  const source = `import { readFileSync } from 'node:fs';\nprocess.stdout.write(${expression});\n`;
  writeFileSync(join(folder, 'source/main.ts'), source);
  const outfile = join(folder, 'main.mjs');
  const entryPoints = [join(folder, 'source/main.ts')];
  await build({ ...config, bundle: true, entryPoints, outfile, logLevel: 'silent' });
  return outfile;
}

test('a bundle holds the text files that its modules read', async () => {
  const outfile = await bundle("readFileSync(new URL('./script.sh', import.meta.url), 'utf8')");
  rmSync(join(folder, 'source'), { recursive: true });
  expect(spawnSync(process.execPath, [outfile], { encoding: 'utf8' })).toMatchObject({
    stdout: SCRIPT,
    stderr: '',
  });
});

test('a call that cannot be replaced by the text is refused', async () => {
  await expect(bundle("readFileSync(new URL('../script.sh', import.meta.url), 'utf8')")).rejects.toThrow(
    "main.ts: only readFileSync(new URL('./NAME', import.meta.url), 'utf8') can be bundled",
  );
});
