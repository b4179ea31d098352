import { parseArgs } from 'node:util';
import { writeWholeFile } from '../lib/block/write.ts';
import { required, runTool, SWITCH, TEXT } from '../lib/cli/cli.ts';
import { fileSystemSize, packTarget, TREE_OPTIONS } from '../lib/file-system-image/options.ts';
import { selectTree } from '../lib/file-system-image/tree.ts';
import { veritySalt } from '../lib/file-system-image/verity.ts';
import { formatEntryList } from '../lib/manifest/entries.ts';
import { parseUuid, uuidFromName } from '../lib/uuid/uuid.ts';
import { writeExt4Partition } from './partition.ts';

await runTool(async ({ args, output }) => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...TREE_OPTIONS,
      uuid: TEXT,
      'hash-seed': TEXT,
      journal: SWITCH,
      verity: SWITCH,
      'verity-salt': TEXT,
      'verity-uuid': TEXT,
      'root-hash': TEXT,
    },
  });
  const identity = required(values.identity, 'identity');
  const identifier = (uuid: string | undefined, role: string) =>
    uuid === undefined ? uuidFromName(`${identity}#${role}`) : parseUuid(uuid, `--${role}`);
  const target = packTarget(values, output);
  const entriesPath = output(required(values.entries, 'entries'));
  const rootHashPath = values.verity ? output(required(values['root-hash'], 'root-hash')) : undefined;
  const { entries, rootHash } = await writeExt4Partition({
    tree: await selectTree(values),
    ext4: {
      sizeBytes: fileSystemSize(values.size),
      uuid: identifier(values.uuid, 'uuid'),
      hashSeed: identifier(values['hash-seed'], 'hash-seed'),
      label: values.label ?? '',
      journal: values.journal,
      readOnly: values.verity,
    },
    verity: values.verity
      ? {
          salt: veritySalt(values['verity-salt'], identity),
          uuid: identifier(values['verity-uuid'], 'verity-uuid'),
        }
      : undefined,
    target,
    // Beside the outputs: /tmp may be small, and may be memory.
    scratch: output(`${target.files.index}.raw`),
  });
  writeWholeFile(entriesPath, formatEntryList(entries));
  if (rootHashPath !== undefined) writeWholeFile(rootHashPath, `${rootHash}\n`);
});
