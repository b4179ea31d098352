import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { FileImage } from '../lib/block/file.ts';
import { writeWholeFile } from '../lib/block/write.ts';
import { required, runTool, TEXT } from '../lib/cli/cli.ts';
import { NO_XATTRS } from '../lib/entry/entry.ts';
import { UserError } from '../lib/error/user-error.ts';
import { type FatType, writeFat } from '../lib/fat/fat.ts';
import { fileSystemSize, packTarget, TREE_OPTIONS } from '../lib/file-system-image/options.ts';
import { copyContents, listEntries, type SelectedTree, selectTree } from '../lib/file-system-image/tree.ts';
import { Spool, type SpooledContent } from '../lib/layer/spool.ts';
import { formatEntryList } from '../lib/manifest/entries.ts';
import { packImageFiles } from '../lib/packed/file.ts';
import { RecordingSink } from '../lib/packed/recording-sink.ts';
import { serialFromName } from '../lib/uuid/uuid.ts';

const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;
const TYPES: Readonly<Record<string, FatType>> = { fat12: 'fat12', fat16: 'fat16', fat32: 'fat32' };

function parseType(text: string | undefined): FatType | undefined {
  if (text === undefined) return undefined;
  const type = TYPES[text];
  if (type === undefined) throw new UserError(`--type=${text}: there are ${Object.keys(TYPES).join(', ')}`);
  return type;
}

function parseVolumeId(text: string | undefined, identity: string): number {
  if (text === undefined) return serialFromName(`${identity}#volume-id`);
  if (!/^[0-9a-f]{8}$/i.test(text))
    throw new UserError(`--volume-id=${text}: write eight hexadecimal digits`);
  return Number.parseInt(text, 16);
}

/** The serial number as mtools and blkid show it. */
function formatVolumeId(volumeId: number): string {
  return volumeId.toString(16).toUpperCase().padStart(8, '0').replace(/^.{4}/, '$&-');
}

/** Owners, modes and attributes have no place in FAT: the manifest tells what a mount shows. */
function keptByFat(tree: SelectedTree): SelectedTree {
  return {
    ...tree,
    entries: tree.entries.map((merged) => {
      const mode = merged.entry.type === 'directory' ? DIRECTORY_MODE : FILE_MODE;
      return { ...merged, entry: { ...merged.entry, mode, uid: 0, gid: 0, xattrs: NO_XATTRS } };
    }),
  };
}

await runTool(async ({ args, output }) => {
  const { values } = parseArgs({
    args: [...args],
    options: { ...TREE_OPTIONS, type: TEXT, 'volume-id': TEXT },
  });
  const identity = required(values.identity, 'identity');
  const { files, levels } = packTarget(values, output);
  const entriesPath = output(required(values.entries, 'entries'));
  const scratch = output(`${files.index}.raw`);
  const sizeBytes = fileSystemSize(values.size);
  const label = values.label ?? '';
  const volumeId = parseVolumeId(values['volume-id'], identity);
  const wantedType = parseType(values.type);

  // FAT is written in the order of paths, layers come in their own: contents wait in a spool.
  const tree = keptByFat(await selectTree(values));
  const entries = tree.entries.map(({ entry }) => entry);
  const spool = new Spool(`${files.index}.spool`);
  const places = new Map<string, SpooledContent>();
  const digests = await copyContents(tree, {
    open({ path, sizeBytes: lengthBytes }) {
      places.set(path, { startBytes: spool.sizeBytes, lengthBytes });
      return { write: (bytes) => spool.append(bytes), close: () => undefined };
    },
  });
  const image = FileImage.create(scratch, sizeBytes);
  const sink = new RecordingSink(image);
  const { type } = writeFat(
    sink,
    entries,
    (path) => {
      const place = places.get(path);
      return place === undefined ? [] : spool.read(place);
    },
    { sizeBytes, label, volumeId, ...(wantedType === undefined ? {} : { type: wantedType }) },
  );
  await packImageFiles(image, files, {
    ...levels,
    written: sink.extents(),
    facts: { fileSystem: { type, label, uuid: formatVolumeId(volumeId) } },
  });
  image.close();
  rmSync(scratch);
  writeWholeFile(entriesPath, formatEntryList(listEntries(tree, digests)));
});
