import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { required, runTool, TEXT, UserError } from '../lib/cli/cli.ts';
import { checksumPath, readPackedPartition } from '../lib/packed/archive.ts';
import { writeUpgradeArchive } from './upgrade.ts';

await runTool(async ({ args, output }) => {
  const { values } = parseArgs({
    args: [...args],
    options: { boot: TEXT, root: TEXT, 'version-file': TEXT, zst: TEXT, gz: TEXT },
  });
  const versionPath = required(values['version-file'], 'version-file');
  const version = readFileSync(versionPath);
  if (version.toString('latin1').trim() === '') throw new UserError(`${versionPath}: the version is empty`);
  const upgrade = {
    boot: readPackedPartition(required(values.boot, 'boot')),
    root: readPackedPartition(required(values.root, 'root')),
    version,
  };
  if (values.zst === undefined && values.gz === undefined) {
    throw new UserError('no output: give --zst=FILE or --gz=FILE, or both');
  }
  for (const compression of ['zst', 'gz'] as const) {
    const path = values[compression];
    if (path === undefined) continue;
    output(checksumPath(path));
    await writeUpgradeArchive(upgrade, output(path), compression);
  }
});
