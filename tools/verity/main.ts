import { parseArgs } from 'node:util';
import { writeWholeFile } from '../lib/formats/block/write.ts';
import { runTool, SWITCH, TEXT } from '../lib/runtime/cli/cli.ts';
import { format, verify } from './command.ts';
import { readOptions, USAGE } from './options.ts';

await runTool(async ({ args, output }) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      'data-block-size': TEXT,
      'hash-block-size': TEXT,
      'data-blocks': TEXT,
      hash: TEXT,
      'hash-offset': TEXT,
      'no-superblock': SWITCH,
      'root-hash': TEXT,
      salt: TEXT,
      uuid: TEXT,
      threads: TEXT,
      help: SWITCH,
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const { command, dataPath, hashPath, tree } = readOptions(positionals, values);
  if (command === 'verify') {
    await verify(dataPath, hashPath, tree, positionals[3]);
    return;
  }
  const rootHashPath = values['root-hash'];
  if (rootHashPath !== undefined) output(rootHashPath);
  if (hashPath !== dataPath) output(hashPath);
  const { report, rootHash } = await format(dataPath, hashPath, tree);
  if (rootHashPath !== undefined) writeWholeFile(rootHashPath, `${rootHash}\n`);
  process.stdout.write(report);
});
