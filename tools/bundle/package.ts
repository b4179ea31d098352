/**
 * Makes the npm package @icos/formats from tools/lib/formats, with the command icos-image: `pnpm
 * run package` writes it to dist/formats.
 *
 * tools/lib/formats/package.json exports sources, for programs in this repository. The package's
 * own package.json exports the compiled files.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import config from './config.ts';

const WORKSPACE = resolve(import.meta.dirname, '../..');
const LIBRARY = join(WORKSPACE, 'tools/lib/formats');
const DEFAULT_FOLDER = join(WORKSPACE, 'dist/formats');
const COMMAND = 'icos-image';

/** Reads a package.json. */
function readManifest(path: string): object {
  const manifest: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (typeof manifest !== 'object' || manifest === null) throw new Error(`${path}: not a JSON object`);
  return manifest;
}

/** Returns the entries of a manifest's field that maps names to strings, such as `exports`. */
function stringEntries(manifest: object, field: string): [name: string, value: string][] {
  const map: unknown = Reflect.get(manifest, field);
  if (typeof map !== 'object' || map === null) throw new Error(`package.json: ${field} is not an object`);
  return Object.entries(map).map(([name, value]: [string, unknown]) => {
    if (typeof value !== 'string') throw new Error(`package.json: ${field}: ${name} is not a string`);
    return [name, value];
  });
}

/** Returns the path of a compiled source, without its extension. */
function compiled(source: string): string {
  return source.replace(/^\.\//, './dist/').replace(/\.ts$/, '');
}

/**
 * Returns the package's own manifest: compiled exports, the command, and the dependencies of the
 * repository.
 */
function packageManifest(library: object): unknown {
  const dependencies = Object.fromEntries(
    stringEntries(readManifest(join(WORKSPACE, 'package.json')), 'dependencies'),
  );
  const exported = stringEntries(library, 'exports').map(([name, source]) => [
    name,
    { types: `${compiled(source)}.d.ts`, default: `${compiled(source)}.js` },
  ]);
  return {
    ...library,
    // Not in tools/lib/formats/package.json, because esbuild would read it there and bundle the
    // tools differently.
    sideEffects: false,
    exports: { ...Object.fromEntries(exported), './package.json': './package.json' },
    bin: { [COMMAND]: `./dist/${COMMAND}.mjs` },
    dependencies,
  };
}

function compile(library: object, folder: string): void {
  const project = join(LIBRARY, 'tsconfig.package.json');
  // A separate project, so that only the exported files and their imports are compiled.
  const files = stringEntries(library, 'exports').map(([, source]) => join(LIBRARY, source));
  const generated = join(folder, 'tsconfig.json');
  writeFileSync(
    generated,
    JSON.stringify({
      extends: project,
      compilerOptions: {
        rootDir: LIBRARY,
        outDir: join(folder, 'dist'),
        typeRoots: [join(WORKSPACE, 'node_modules/@types')],
      },
      files,
    }),
  );
  const tsc = spawnSync(
    process.execPath,
    [join(WORKSPACE, 'node_modules/typescript/bin/tsc'), '-p', generated],
    {
      encoding: 'utf8',
    },
  );
  rmSync(generated);
  if (tsc.status !== 0) throw new Error(`tsc: ${tsc.stdout}${tsc.stderr}`);
}

async function bundleCommand(folder: string): Promise<void> {
  const outfile = join(folder, `dist/${COMMAND}.mjs`);
  await build({
    ...config,
    absWorkingDir: WORKSPACE,
    bundle: true,
    entryPoints: [`tools/${COMMAND}/main.ts`],
    banner: { js: `#!/usr/bin/env node\n${config.banner?.['js'] ?? ''}` },
    outfile,
    tsconfig: 'tsconfig.json',
    logLevel: 'warning',
  });
  chmodSync(outfile, 0o755);
}

/** Makes the package in a directory, which is emptied first. */
export async function makePackage(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const library = readManifest(join(LIBRARY, 'package.json'));
  compile(library, folder);
  await bundleCommand(folder);
  copyFileSync(join(LIBRARY, 'README.md'), join(folder, 'README.md'));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(packageManifest(library), undefined, 2)}\n`);
}

if (import.meta.main) await makePackage(resolve(process.argv[2] ?? DEFAULT_FOLDER));
