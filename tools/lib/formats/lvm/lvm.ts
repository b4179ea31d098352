/** Writes and reads LVM2 volume groups (docs/formats/lvm.md). */
export { formatLvmUuid, type LvmUuid, lvmUuidFromName, parseLvmUuid } from './identifier.ts';
export type { Area, PhysicalVolumeLabel } from './layout.ts';
export { checkGroupName, checkTag, checkVolumeName, mapperName } from './names.ts';
export type {
  LogicalVolumeRequest,
  PhysicalVolumeRequest,
  VolumeGroupRequest,
} from './plan.ts';
export {
  type FoundGroup,
  hasLvmLabel,
  type MetadataCopy,
  type NamedSource,
  type ReadPhysicalVolume,
  readPhysicalVolume,
  readVolumeGroup,
} from './reader.ts';
export {
  extentCountOf,
  type LogicalVolume,
  type PhysicalVolume,
  type Segment,
  type Stripe,
  type VolumeGroup,
} from './volume-group.ts';
export { openLogicalVolume } from './volume-source.ts';
export {
  encodeVolumeGroup,
  type LogicalVolumeImage,
  type MetadataRange,
  type PhysicalVolumeImage,
  type VolumeGroupImage,
  type VolumeRange,
} from './writer.ts';
