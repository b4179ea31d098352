import { parseArgs } from 'node:util';
import { writeWholeFile } from '../lib/formats/block/write.ts';
import { comparePaths } from '../lib/formats/entry/entry.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import { LayerBuilder } from '../lib/image/layer/builder.ts';
import { writeLayerFile } from '../lib/image/layer/file.ts';
import { Spool } from '../lib/image/layer/spool.ts';
import { required, runTool } from '../lib/runtime/cli/cli.ts';
import { openPackages } from './binary-package.ts';
import { configureSteps } from './configure-steps.ts';
import { addDatabase } from './database.ts';
import { PathFilter } from './path-filter.ts';
import { type UnpackedPackage, Unpacker } from './unpack.ts';

const STEP_LIST_VERSION = 1;

const toJson = (value: unknown) => `${JSON.stringify(value, undefined, 1)}\n`;

/** Returns the content of `packages.json`: the package of each file. */
function packageList(packages: readonly UnpackedPackage[]) {
  const records = packages.map(({ binary, filePaths }) => ({
    name: binary.name,
    version: binary.version,
    architecture: binary.architecture,
    source: binary.paragraph.get('Source') ?? binary.name,
    sha256: binary.sha256,
    files: [...filePaths].sort(comparePaths),
  }));
  return { packages: records.sort((a, b) => comparePaths(a.name, b.name)) };
}

await runTool(async ({ args, output }) => {
  const list = { type: 'string', multiple: true, default: [] as string[] } as const;
  const file = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { deb: list, exclude: list, include: list, output: file, steps: file, packages: file },
  });
  if (values.deb.length === 0) throw new UserError('--deb is missing: give at least one package');
  const layerFile = output(required(values.output, 'output'));
  const stepsFile = output(required(values.steps, 'steps'));
  const packagesFile = output(required(values.packages, 'packages'));

  // Two sets of packages may share some packages.
  const packages = await openPackages([...new Set(values.deb)]);
  const builder = new LayerBuilder(new Spool(`${layerFile}.spool`));
  const unpacker = new Unpacker(builder, new PathFilter(values.exclude, values.include));
  const unpacked: UnpackedPackage[] = [];
  for (const binary of packages) unpacked.push(await unpacker.unpack(binary));
  addDatabase(builder, unpacked);

  await writeLayerFile(layerFile, builder.items());
  writeWholeFile(stepsFile, toJson({ version: STEP_LIST_VERSION, steps: configureSteps(unpacked) }));
  writeWholeFile(packagesFile, toJson(packageList(unpacked)));
});
