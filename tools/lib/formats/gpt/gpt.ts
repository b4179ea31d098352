/** Writes, reads and checks GUID partition tables (docs/formats/gpt.md). */
export {
  ANDROID_ATTRIBUTE,
  ATTRIBUTE,
  androidSlot,
  chromeOsSlot,
  DISCOVERABLE_ATTRIBUTE,
  readAndroidSlot,
  readChromeOsSlot,
  type SlotAttributes,
} from './attributes.ts';
export type { NumberedPartition } from './copy.ts';
export {
  BACKUP_SECTORS,
  ENTRY,
  ENTRY_BYTES,
  ENTRY_COUNT,
  entriesSectors,
  FIRST_USABLE_SECTOR,
  HEADER,
  HEADER_SIGNATURE,
  MBR,
  MBR_RECORD,
  MBR_RECORD_COUNT,
  MBR_SIGNATURE,
  PRIMARY_HEADER_SECTOR,
  SECTOR_BYTES,
  SECTOR_SIZES,
} from './format.ts';
export {
  type GptInspection,
  type GptProblem,
  type GptTable,
  type InspectOptions,
  inspectGpt,
} from './inspect.ts';
export { type ParsedGpt, readGpt } from './read.ts';
export { type EncodedGpt, encodeGpt, type GptDisk, type GptPartition } from './write.ts';
