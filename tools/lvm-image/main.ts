import { parseArgs } from 'node:util';
import { UserError } from '../lib/formats/error/user-error.ts';
import { encodeVolumeGroup, type LogicalVolumeRequest } from '../lib/formats/lvm/lvm.ts';
import { PACK_OPTIONS, packTarget } from '../lib/image/file-system/options.ts';
import { parseSize } from '../lib/image/layout/size.ts';
import { readPackedPartition } from '../lib/image/packed/archive.ts';
import { BLOCK_BYTES } from '../lib/image/packed/index.ts';
import { LIST, nameValuePairs, required, runTool, TEXT } from '../lib/runtime/cli/cli.ts';
import { checkFiles, type PlacedContent, packPhysicalVolume } from './compose.ts';

/** Returns the values of an option per logical volume. Each volume occurs at most once. */
function byVolume(
  values: readonly string[],
  option: string,
  volumes: ReadonlySet<string>,
): Map<string, string> {
  const pairs = nameValuePairs(values, option);
  for (const [name] of pairs) {
    if (!volumes.has(name)) throw new UserError(`--${option}: there is no logical volume "${name}"`);
  }
  if (new Set(pairs.map(([name]) => name)).size < pairs.length) {
    throw new UserError(`--${option}: given twice for the same logical volume`);
  }
  return new Map(pairs);
}

function readContent(indexPath: string, volume: LogicalVolumeRequest): Omit<PlacedContent, 'ranges'> {
  const { index } = readPackedPartition(indexPath);
  if (index.sizeBytes > volume.sizeBytes) {
    throw new UserError(
      `${indexPath}: ${index.sizeBytes} bytes, but logical volume "${volume.name}" has only ${volume.sizeBytes}: ` +
        `make the volume ${index.sizeBytes - volume.sizeBytes} bytes larger`,
    );
  }
  const stem = indexPath.slice(0, -'.json'.length);
  const gz = index.chunks[0]?.gz === undefined ? undefined : `${stem}.img.gz`;
  const content = { index, files: { zst: `${stem}.img.zst`, gz, index: indexPath } };
  const problem = checkFiles(content);
  if (problem !== undefined) throw new UserError(problem);
  return content;
}

function copies(text: string): 1 | 2 {
  if (text !== '1' && text !== '2') throw new UserError(`--metadata-copies=${text}: write 1 or 2`);
  return text === '1' ? 1 : 2;
}

await runTool(async ({ args, output }) => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...PACK_OPTIONS,
      'vg-name': TEXT,
      'vg-uuid': TEXT,
      'pv-uuid': TEXT,
      identity: TEXT,
      size: TEXT,
      'extent-size': { ...TEXT, default: '4M' },
      'data-start': { ...TEXT, default: '4M' },
      'metadata-copies': { ...TEXT, default: '1' },
      tag: LIST,
      volume: LIST,
      'volume-uuid': LIST,
      content: LIST,
    },
  });
  const sizes = nameValuePairs(values.volume, 'volume');
  const names = new Set(sizes.map(([name]) => name));
  const uuids = byVolume(values['volume-uuid'], 'volume-uuid', names);
  const contentPaths = byVolume(values.content, 'content', names);
  const logicalVolumes = sizes.map(([name, size]) => ({
    name,
    sizeBytes: parseSize(size, `--volume=${name}`),
    uuid: uuids.get(name),
  }));
  const sizeBytes = parseSize(required(values.size, 'size'), '--size');
  if (sizeBytes % BLOCK_BYTES !== 0) {
    throw new UserError(
      `--size: ${sizeBytes} bytes is not a multiple of the block size, ${BLOCK_BYTES} bytes`,
    );
  }
  const image = encodeVolumeGroup({
    name: required(values['vg-name'], 'vg-name'),
    identity: required(values.identity, 'identity'),
    uuid: values['vg-uuid'],
    extentBytes: parseSize(values['extent-size'], '--extent-size'),
    tags: values.tag,
    physicalVolumes: [
      {
        sizeBytes,
        uuid: values['pv-uuid'],
        dataStartBytes: parseSize(values['data-start'], '--data-start'),
        metadataCopies: copies(values['metadata-copies']),
      },
    ],
    logicalVolumes,
  });
  const [physical] = image.physicalVolumes;
  const [description] = image.group.physicalVolumes;
  if (physical === undefined || description === undefined) throw new RangeError('no physical volume');
  const contents = logicalVolumes.flatMap((volume): PlacedContent[] => {
    const path = contentPaths.get(volume.name);
    const ranges = image.logicalVolumes.find(({ name }) => name === volume.name)?.ranges ?? [];
    return path === undefined ? [] : [{ ...readContent(path, volume), ranges }];
  });
  const target = packTarget(values, output);
  // The type and the UUID are those that blkid shows.
  const facts = { fileSystem: { type: 'LVM2_member', label: '', uuid: description.uuid } };
  await packPhysicalVolume({ ...physical, contents }, target, facts, output(`${target.files.index}.raw`));
});
