/**
 * Encodes and decodes the label of an LVM2 physical volume, and the headers of its metadata areas.
 */

import { UserError } from '../error/user-error.ts';
import { hex32 } from '../structure/hex.ts';
import { viewOf } from '../structure/view.ts';
import {
  DISK_LOCN,
  LABEL_HEADER,
  LABEL_ID,
  LABEL_SECTOR,
  LABEL_TYPE,
  lvmChecksum,
  MDA_HEADER,
  MDA_HEADER_BYTES,
  MDA_MAGIC,
  MDA_VERSION,
  PV_HEADER,
  PV_HEADER_EXTENSION,
  RAW_LOCN,
  RAW_LOCN_IGNORED,
  SECTOR_BYTES,
} from './format.ts';
import { formatLvmUuid, type LvmUuid, lvmUuidFromBytes, lvmUuidToBytes } from './identifier.ts';

/** A range of bytes of the physical volume. */
export interface Area {
  readonly offsetBytes: number;
  /** 0 if the area continues to the end of the volume (data areas only). */
  readonly sizeBytes: number;
}

export interface PhysicalVolumeLabel {
  readonly uuid: LvmUuid;
  readonly deviceBytes: number;
  readonly dataAreas: readonly Area[];
  readonly metadataAreas: readonly Area[];
  readonly bootloaderAreas: readonly Area[];
  /** 0 if the label has no extension. */
  readonly extensionVersion: number;
  readonly extensionFlags: number;
}

/** The location of the committed text: `offsetBytes` from the start of its area. */
export interface TextLocation {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  readonly checksum: number;
  readonly ignored: boolean;
}

export interface MetadataAreaHeader {
  readonly area: Area;
  readonly text: TextLocation | undefined;
}

/** Writes a list of areas and its end, and returns the first position after them. */
function putAreas(view: DataView, position: number, areas: readonly Area[]): number {
  let end = position;
  for (const { offsetBytes, sizeBytes } of areas) {
    DISK_LOCN.at.offset.set(view, offsetBytes, end);
    DISK_LOCN.at.size.set(view, sizeBytes, end);
    end += DISK_LOCN.sizeBytes;
  }
  return end + DISK_LOCN.sizeBytes;
}

/** Encodes the whole sector of a label, which is sector {@link LABEL_SECTOR} of the volume. */
export function encodeLabel(label: PhysicalVolumeLabel): Uint8Array {
  const bytes = new Uint8Array(SECTOR_BYTES);
  const view = viewOf(bytes);
  const header = LABEL_HEADER.sizeBytes;
  LABEL_HEADER.at.id.setBytes(bytes, LABEL_ID);
  LABEL_HEADER.at.sector_xl.set(view, LABEL_SECTOR);
  LABEL_HEADER.at.offset_xl.set(view, header);
  LABEL_HEADER.at.type.setBytes(bytes, Buffer.from(LABEL_TYPE, 'latin1'));
  PV_HEADER.at.pv_uuid.setBytes(bytes, lvmUuidToBytes(label.uuid), header);
  PV_HEADER.at.device_size_xl.set(view, label.deviceBytes, header);
  let end = putAreas(view, header + PV_HEADER.sizeBytes, label.dataAreas);
  end = putAreas(view, end, label.metadataAreas);
  PV_HEADER_EXTENSION.at.version.set(view, label.extensionVersion, end);
  PV_HEADER_EXTENSION.at.flags.set(view, label.extensionFlags, end);
  putAreas(view, end + PV_HEADER_EXTENSION.sizeBytes, label.bootloaderAreas);
  LABEL_HEADER.at.crc_xl.set(view, labelChecksum(bytes));
  return bytes;
}

/** The checksum of a label covers its sector from `offset_xl` on. */
function labelChecksum(sector: Uint8Array): number {
  return lvmChecksum(sector.subarray(LABEL_HEADER.at.offset_xl.offsetBytes));
}

export type Fail = (message: string) => never;

/** Returns a function that throws errors about a structure: `disk.img: label in sector 1: ...`. */
export function failing(where: string): Fail {
  return (message) => {
    throw new UserError(`${where}: ${message}`);
  };
}

/** Checks an integer of 64 bits that counts bytes. */
function checkedCount(value: bigint, what: string, fail: Fail): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) fail(`${what} is ${value}, which is larger than any disk`);
  return Number(value);
}

/** Reads a list of areas up to its end, and returns the first position after it. */
function takeAreas(view: DataView, position: number, what: string, fail: Fail): [Area[], number] {
  const areas: Area[] = [];
  const { offset, size } = DISK_LOCN.at;
  for (let start = position; start + DISK_LOCN.sizeBytes <= SECTOR_BYTES; start += DISK_LOCN.sizeBytes) {
    const offsetBytes = checkedCount(offset.getBig(view, start), `the offset of a ${what}`, fail);
    const sizeBytes = checkedCount(size.getBig(view, start), `the size of a ${what}`, fail);
    if (offsetBytes === 0) return [areas, start + DISK_LOCN.sizeBytes];
    areas.push({ offsetBytes, sizeBytes });
  }
  return fail(`the list of ${what}s has no end within the sector`);
}

/** Reports whether a sector is a label of any type. */
export function isLabel(sector: Uint8Array): boolean {
  return LABEL_ID.equals(LABEL_HEADER.at.id.bytes(sector));
}

/**
 * Decodes the sector of a label and verifies it.
 *
 * @param where the volume and the sector, for errors
 */
export function decodeLabel(sector: Uint8Array, sectorNumber: number, where: string): PhysicalVolumeLabel {
  const fail = failing(where);
  const view = viewOf(sector);
  const header = checkLabelHeader(sector, sectorNumber, fail);
  const uuid = lvmUuidFromBytes(PV_HEADER.at.pv_uuid.bytes(sector, header));
  if (uuid === undefined) {
    return fail("the physical volume's UUID contains characters that no LVM UUID has");
  }
  const [dataAreas, metadataList] = takeAreas(view, header + PV_HEADER.sizeBytes, 'data area', fail);
  const [metadataAreas, extension] = takeAreas(view, metadataList, 'metadata area', fail);
  const deviceSize = PV_HEADER.at.device_size_xl.getBig(view, header);
  const common = {
    uuid: formatLvmUuid(uuid),
    deviceBytes: checkedCount(deviceSize, "the device's size", fail),
    dataAreas,
    metadataAreas,
  };
  const bootloaderList = extension + PV_HEADER_EXTENSION.sizeBytes;
  const extensionVersion =
    bootloaderList <= SECTOR_BYTES ? PV_HEADER_EXTENSION.at.version.get(view, extension) : 0;
  if (extensionVersion === 0) {
    return { ...common, extensionVersion, extensionFlags: 0, bootloaderAreas: [] };
  }
  return {
    ...common,
    extensionVersion,
    extensionFlags: PV_HEADER_EXTENSION.at.flags.get(view, extension),
    bootloaderAreas: takeAreas(view, bootloaderList, 'boot loader area', fail)[0],
  };
}

/** Verifies a `label_header`, and returns the position of the `pv_header` within the sector. */
function checkLabelHeader(sector: Uint8Array, sectorNumber: number, fail: Fail): number {
  const view = viewOf(sector);
  const stored = LABEL_HEADER.at.crc_xl.get(view);
  const computed = labelChecksum(sector);
  if (stored !== computed)
    fail(`the label's checksum is ${hex32(stored)}, the bytes give ${hex32(computed)}`);
  const type = Buffer.from(LABEL_HEADER.at.type.bytes(sector)).toString('latin1');
  if (type !== LABEL_TYPE) fail(`the label's type is ${JSON.stringify(type)}, not "${LABEL_TYPE}"`);
  const ownSector = LABEL_HEADER.at.sector_xl.getBig(view);
  if (ownSector !== BigInt(sectorNumber)) fail(`the label says it is in sector ${ownSector}`);
  const header = LABEL_HEADER.at.offset_xl.get(view);
  if (header < LABEL_HEADER.sizeBytes || header + PV_HEADER.sizeBytes > SECTOR_BYTES) {
    fail(`the label's content is at byte ${header}, outside of its sector`);
  }
  return header;
}

/** Encodes the header of a metadata area. */
export function encodeMetadataAreaHeader({ area, text }: MetadataAreaHeader): Uint8Array {
  const bytes = new Uint8Array(MDA_HEADER_BYTES);
  const view = viewOf(bytes);
  MDA_HEADER.at.magic.setBytes(bytes, MDA_MAGIC);
  MDA_HEADER.at.version.set(view, MDA_VERSION);
  MDA_HEADER.at.start.set(view, area.offsetBytes);
  MDA_HEADER.at.size.set(view, area.sizeBytes);
  if (text !== undefined) {
    const slot = MDA_HEADER.sizeBytes;
    RAW_LOCN.at.offset.set(view, text.offsetBytes, slot);
    RAW_LOCN.at.size.set(view, text.sizeBytes, slot);
    RAW_LOCN.at.checksum.set(view, text.checksum, slot);
    RAW_LOCN.at.flags.set(view, text.ignored ? RAW_LOCN_IGNORED : 0, slot);
  }
  MDA_HEADER.at.checksum_xl.set(view, metadataAreaChecksum(bytes));
  return bytes;
}

/** The checksum of a metadata area's header covers everything after itself. */
function metadataAreaChecksum(header: Uint8Array): number {
  return lvmChecksum(header.subarray(MDA_HEADER.at.checksum_xl.endBytes, MDA_HEADER_BYTES));
}

/**
 * Decodes the header of a metadata area and verifies it.
 *
 * @param area the area's position according to the label
 */
export function decodeMetadataAreaHeader(sector: Uint8Array, area: Area, where: string): MetadataAreaHeader {
  const fail = failing(where);
  const view = viewOf(sector);
  if (!MDA_MAGIC.equals(MDA_HEADER.at.magic.bytes(sector))) fail('no metadata header: its magic is missing');
  const stored = MDA_HEADER.at.checksum_xl.get(view);
  const computed = metadataAreaChecksum(sector);
  if (stored !== computed)
    fail(`the header's checksum is ${hex32(stored)}, the bytes give ${hex32(computed)}`);
  const version = MDA_HEADER.at.version.get(view);
  if (version !== MDA_VERSION) fail(`the header's version is ${version}, not ${MDA_VERSION}`);
  const start = checkedCount(MDA_HEADER.at.start.getBig(view), 'its own offset', fail);
  if (start !== area.offsetBytes) fail(`the header says that it is at byte ${start}`);
  const sizeBytes = checkedCount(MDA_HEADER.at.size.getBig(view), 'its size', fail);
  if (sizeBytes !== area.sizeBytes) {
    fail(`the header says that the area has ${sizeBytes} bytes, the label says ${area.sizeBytes}`);
  }
  if (sizeBytes <= MDA_HEADER_BYTES) fail(`an area of ${sizeBytes} bytes holds no metadata`);
  const text = decodeTextLocation(view, fail);
  if (text.offsetBytes === 0) return { area, text: undefined };
  if (text.offsetBytes < MDA_HEADER_BYTES || text.offsetBytes >= sizeBytes) {
    fail(`the text begins at byte ${text.offsetBytes}, outside of the area's ${sizeBytes} bytes`);
  }
  if (text.sizeBytes > sizeBytes - MDA_HEADER_BYTES) {
    fail(`the text has ${text.sizeBytes} bytes, more than the area's ${sizeBytes} bytes hold`);
  }
  return { area, text };
}

function decodeTextLocation(view: DataView, fail: Fail): TextLocation {
  const slot = MDA_HEADER.sizeBytes;
  const { offset, size, checksum, flags } = RAW_LOCN.at;
  return {
    offsetBytes: checkedCount(offset.getBig(view, slot), 'the offset of the text', fail),
    sizeBytes: checkedCount(size.getBig(view, slot), 'the size of the text', fail),
    checksum: checksum.get(view, slot),
    ignored: (flags.get(view, slot) & RAW_LOCN_IGNORED) !== 0,
  };
}
