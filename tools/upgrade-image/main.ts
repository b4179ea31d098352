import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { UserError } from '../lib/formats/error/user-error.ts';
import { ARCHIVE_OPTIONS, readPackedPartition, writeArchives } from '../lib/image/packed/archive.ts';
import { required, runTool, TEXT } from '../lib/runtime/cli/cli.ts';
import { writeUpgradeArchive } from './upgrade.ts';

await runTool(async ({ args, output }) => {
  const { values } = parseArgs({
    args: [...args],
    options: { boot: TEXT, root: TEXT, 'version-file': TEXT, ...ARCHIVE_OPTIONS },
  });
  const versionPath = required(values['version-file'], 'version-file');
  const version = readFileSync(versionPath);
  if (version.toString('latin1').trim() === '') throw new UserError(`${versionPath}: the version is empty`);
  const upgrade = {
    boot: readPackedPartition(required(values.boot, 'boot')),
    root: readPackedPartition(required(values.root, 'root')),
    version,
  };
  await writeArchives(values, output, [upgrade.boot, upgrade.root], (archive) =>
    writeUpgradeArchive(upgrade, archive),
  );
});
