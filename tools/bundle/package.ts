/**
 * Makes the npm package @icos/formats of tools/lib/formats, with the command icos-image: `pnpm run package` puts it into dist/formats.
 *
 * tools/lib/formats/package.json exports sources, for programs in this repository. The one of the package exports what they are compiled to.
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

interface Manifest {
  readonly exports: Readonly<Record<string, string>>;
}

interface RootManifest {
  readonly dependencies: Readonly<Record<string, string>>;
}

function readManifest<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}

/** What a source is compiled to, without its ending. */
function compiled(source: string): string {
  return source.replace(/^\.\//, './dist/').replace(/\.ts$/, '');
}

/** The package's own manifest: compiled exports, the command, the dependencies that the repository has. */
function packageManifest(library: Manifest): unknown {
  const { dependencies } = readManifest<RootManifest>(join(WORKSPACE, 'package.json'));
  const exported = Object.entries(library.exports).map(([name, source]) => [
    name,
    { types: `${compiled(source)}.d.ts`, default: `${compiled(source)}.js` },
  ]);
  return {
    ...library,
    // Only here: bundles of the repository's own tools are not to depend on what a package.json between their sources says.
    sideEffects: false,
    exports: { ...Object.fromEntries(exported), './package.json': './package.json' },
    bin: { [COMMAND]: `./dist/${COMMAND}.mjs` },
    dependencies,
  };
}

function compile(library: Manifest, folder: string): void {
  const project = join(LIBRARY, 'tsconfig.package.json');
  // A project of its own, so that what is compiled is what is exported and needed for that.
  const files = Object.values(library.exports).map((source) => join(LIBRARY, source));
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

/** Makes the package in a folder, which is emptied first. */
export async function makePackage(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const library = readManifest<Manifest>(join(LIBRARY, 'package.json'));
  compile(library, folder);
  await bundleCommand(folder);
  copyFileSync(join(LIBRARY, 'README.md'), join(folder, 'README.md'));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(packageManifest(library), undefined, 2)}\n`);
}

if (import.meta.main) await makePackage(resolve(process.argv[2] ?? DEFAULT_FOLDER));
