/**
 * Builds an initramfs from a root file system:
 *
 *     initramfs --layer=FILE... --output=initrd.img
 *       [--binary=PATH]... [--binary-list=FILE]... [--module=NAME]... [--module-list=FILE]...
 *       [--applet=NAME]...
 *       [--file=DEST=SOURCE[:MODE]]... [--directory=PATH]... [--symlink=PATH=TARGET]...
 *
 * A binary called busybox is linked under the names of all its applets, or only of those given with
 * --applet. A list file has one name per line; blank lines and lines that begin with # are ignored.
 * The default mode of a file is 0755.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { writeWholeFile } from '../lib/formats/block/write.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import { LIST, nameValuePairs, required, runTool, TEXT } from '../lib/runtime/cli/cli.ts';
import { buildInitramfs, type InitramfsFile } from './build.ts';
import { openRoot } from './layered-root.ts';
import { pathOption } from './root-tree.ts';

const DEFAULT_FILE_MODE = 0o755;

function fileOption([destination, value]: [string, string]): InitramfsFile {
  const [, source = value, mode] = /^(.*):([0-7]{3,4})$/.exec(value) ?? [];
  return {
    path: pathOption(destination, 'file'),
    content: readFileSync(source),
    mode: mode === undefined ? DEFAULT_FILE_MODE : Number.parseInt(mode, 8),
  };
}

function listFile(path: string): string[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
}

await runTool(async ({ args, output }) => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      layer: LIST,
      binary: LIST,
      'binary-list': LIST,
      module: LIST,
      'module-list': LIST,
      file: LIST,
      directory: LIST,
      symlink: LIST,
      applet: LIST,
      output: TEXT,
    },
  });
  if (values.layer.length === 0)
    throw new UserError('--layer is missing: give the layers of the root file system');
  const target = output(required(values.output, 'output'));
  const initramfs = await buildInitramfs(await openRoot(values.layer), {
    binaries: [...values.binary, ...values['binary-list'].flatMap(listFile)].map((path) =>
      pathOption(path, 'binary'),
    ),
    modules: [...values.module, ...values['module-list'].flatMap(listFile)],
    files: nameValuePairs(values.file, 'file').map(fileOption),
    directories: values.directory.map((path) => pathOption(path, 'directory')),
    symlinks: nameValuePairs(values.symlink, 'symlink').map(([path, link]) => ({
      path: pathOption(path, 'symlink'),
      target: link,
    })),
    applets: values.applet,
  });
  writeWholeFile(target, initramfs);
});
