import { parseArgs } from 'node:util';
import { writeWholeFile } from '../lib/formats/block/write.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import type { FatType } from '../lib/formats/fat/fat.ts';
import { derivedSerial } from '../lib/formats/uuid/identity.ts';
import { fileSystemSize, imageTarget, RAW_OPTION, TREE_OPTIONS } from '../lib/image/file-system/options.ts';
import { selectTree } from '../lib/image/file-system/selection.ts';
import { formatEntryList } from '../lib/image/manifest/entries.ts';
import { required, runTool, TEXT } from '../lib/runtime/cli/cli.ts';
import { writeVfatPartition } from './partition.ts';

const TYPES: ReadonlyMap<string, FatType> = new Map(
  Object.entries<FatType>({ fat12: 'fat12', fat16: 'fat16', fat32: 'fat32' }),
);

function parseType(text: string | undefined): FatType | undefined {
  if (text === undefined) return undefined;
  const type = TYPES.get(text);
  if (type === undefined) throw new UserError(`--type=${text}: use one of ${[...TYPES.keys()].join(', ')}`);
  return type;
}

function parseVolumeId(text: string | undefined, identity: string): number {
  if (text === undefined) return derivedSerial(identity, 'volume-id');
  if (!/^[0-9a-f]{8}$/i.test(text))
    throw new UserError(`--volume-id=${text}: write eight hexadecimal digits`);
  return Number.parseInt(text, 16);
}

await runTool(async ({ args, output }) => {
  const { values } = parseArgs({
    args: [...args],
    options: { ...TREE_OPTIONS, ...RAW_OPTION, type: TEXT, 'volume-id': TEXT },
  });
  const identity = required(values.identity, 'identity');
  const target = imageTarget(values, output);
  const entriesPath = values.entries === undefined ? undefined : output(values.entries);
  const type = parseType(values.type);
  const entries = await writeVfatPartition({
    tree: await selectTree(values),
    fat: {
      sizeBytes: fileSystemSize(values.size),
      label: values.label ?? '',
      volumeId: parseVolumeId(values['volume-id'], identity),
      ...(type === undefined ? {} : { type }),
    },
    target,
    scratch: target.packed === undefined ? '' : output(`${target.packed.files.index}.raw`),
    isListed: entriesPath !== undefined,
  });
  if (entriesPath !== undefined && entries !== undefined) {
    writeWholeFile(entriesPath, formatEntryList(entries));
  }
});
