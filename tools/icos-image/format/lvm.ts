import { UserError } from '../../lib/formats/error/user-error.ts';
import {
  extentCountOf,
  type FoundGroup,
  hasLvmLabel,
  type LogicalVolume,
  openLogicalVolume,
  readVolumeGroup,
} from '../../lib/formats/lvm/lvm.ts';
import { guarded, type ImageSource } from '../bytes/source.ts';
import { type Check, type Content, type Format, type OpenContext, once, type Part } from '../content.ts';
import { RegionMap, region } from '../structure/map.ts';

/**
 * Returns the start of a logical volume in the physical volume, if the logical volume is
 * contiguous.
 */
function startOf({ group }: FoundGroup, volume: LogicalVolume): number | undefined {
  const [segment, second] = volume.segments;
  const [stripe, otherStripe] = segment?.stripes ?? [];
  if (second !== undefined || stripe === undefined || otherStripe !== undefined) return undefined;
  const physical = group.physicalVolumes.find(({ name }) => name === stripe.physicalVolume);
  return physical && physical.dataStartBytes + stripe.startExtent * group.extentBytes;
}

/** Returns the bytes of a logical volume, with the known holes of the physical volume. */
function sourceOf(found: FoundGroup, volume: LogicalVolume, below: ImageSource): ImageSource {
  const bytes = openLogicalVolume(found, volume.name);
  const startBytes = startOf(found, volume);
  return {
    sizeBytes: bytes.sizeBytes,
    read: (offsetBytes, lengthBytes) => bytes.read(offsetBytes, lengthBytes),
    zeroBytes(offsetBytes) {
      if (startBytes === undefined) return 0;
      return Math.min(below.zeroBytes(startBytes + offsetBytes), bytes.sizeBytes - offsetBytes);
    },
  };
}

function volumePart(
  found: FoundGroup,
  volume: LogicalVolume,
  below: ImageSource,
  name: string,
  context: OpenContext,
): Part {
  const { group } = found;
  const partName = `${group.name}/${volume.name}`;
  const where = `${name}: ${partName}`;
  const startBytes = startOf(found, volume);
  const source = () => guarded(sourceOf(found, volume, below), where);
  return {
    name: partName,
    sizeBytes: extentCountOf(volume) * group.extentBytes,
    ...(startBytes === undefined ? {} : { startBytes }),
    facts: { uuid: volume.uuid, segments: volume.segments.length, tags: volume.tags },
    source,
    open: once(async () => context.open(source(), where)),
  };
}

function checksOf({ problems }: FoundGroup, name: string): Check[] {
  return [
    {
      name: `${name}: all copies of the volume group's metadata`,
      run() {
        const [first] = problems;
        if (first !== undefined) throw new UserError(first);
      },
    },
  ];
}

/** An LVM physical volume. In a group of several, data on the other volumes is missing. */
export const lvm: Format = {
  name: 'lvm',
  matches: hasLvmLabel,
  open(source, name, context): Content {
    const found = readVolumeGroup([{ name, source }]);
    const { group } = found;
    const own = [...found.physicalVolumes.values()][0];
    const dataStart = group.physicalVolumes.find(({ uuid }) => uuid === own?.label.uuid)?.dataStartBytes ?? 0;
    return {
      format: 'lvm',
      source,
      facts: {
        volumeGroup: group.name,
        uuid: group.uuid,
        physicalVolume: own?.label.uuid ?? '',
        physicalVolumes: group.physicalVolumes.length,
        extentBytes: group.extentBytes,
        sequenceNumber: group.sequenceNumber,
        problems: found.problems,
      },
      parts: group.logicalVolumes.map((volume) => volumePart(found, volume, source, name, context)),
      checks: checksOf(found, name),
      structures: () =>
        new RegionMap([
          region(0, dataStart, 'LVM label and metadata areas'),
          region(dataStart, Number.POSITIVE_INFINITY, 'extents'),
        ]),
    };
  },
};
