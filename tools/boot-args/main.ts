import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { writeWholeFile } from '../lib/formats/block/write.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import { readIndexFile } from '../lib/image/packed/file.ts';
import { LIST, nameValuePairs, required, runTool, TEXT } from '../lib/runtime/cli/cli.ts';
import { expandBootArgs } from './boot-args.ts';

function rootValues(path: string | undefined): Record<string, string> {
  if (path === undefined) return {};
  const { verity, fileSystem } = readIndexFile(path);
  if (verity === undefined)
    throw new UserError(`${path}: the root partition has no hash tree; set verity = True`);
  return {
    ROOT_HASH: verity.rootHash,
    HASH_OFFSET: String(verity.hashOffsetBytes),
    ...(fileSystem === undefined ? {} : { ROOT_TYPE: fileSystem.type }),
  };
}

await runTool(({ args, output }) => {
  const { values } = parseArgs({
    args: [...args],
    options: { template: TEXT, root: TEXT, value: LIST, output: TEXT },
  });
  const template = required(values.template, 'template');
  const known = {
    ...rootValues(values.root),
    ...Object.fromEntries(nameValuePairs(values.value, 'value')),
  };
  const text = expandBootArgs(readFileSync(template, 'utf8'), template, known);
  writeWholeFile(output(required(values.output, 'output')), text);
});
