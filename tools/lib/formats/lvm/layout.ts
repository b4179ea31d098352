/**
 * The bytes of an LVM2 physical volume: label, header, and the headers of its metadata areas.
 *
 * The format has no specification but its source: lvm2's `lib/label/label.h` (the label) and `lib/format_text/layout.h` (the
 * rest), named beside each structure. All numbers are little-endian.
 */

import { crc32 } from 'node:zlib';
import { UserError } from '../error/user-error.ts';
import { formatLvmUuid, type LvmUuid, lvmUuidFromBytes, lvmUuidToBytes } from './identifier.ts';

export const SECTOR_BYTES = 512;

/** label.h, LABEL_SCAN_SECTORS: the label is in one of the first four sectors; every tool writes it to the second one. */
export const LABEL_SCAN_SECTORS = 4;
export const LABEL_SECTOR = 1;

/** label.h, struct label_header. */
const LABEL = { id: 0, sector: 8, checksum: 16, contentOffset: 20, type: 24, bytes: 32 } as const;
export const LABEL_ID = 'LABELONE';
const LABEL_TYPE = 'LVM2 001';

/** layout.h, struct pv_header, from the label's content on; then the two lists of struct disk_locn. */
const PV_HEADER = { uuid: 0, deviceBytes: 32, areas: 40 } as const;
const UUID_BYTES = 32;
/** struct disk_locn: offset and size, both in bytes; a list ends with one that is zero. */
const LOCATION_BYTES = 16;

/** layout.h, struct pv_header_extension, right behind the lists. */
const EXTENSION = { version: 0, flags: 4, bootloaderAreas: 8 } as const;
/** PV_HEADER_EXTENSION_VSN: version 2 has the flags. */
export const EXTENSION_VERSION = 2;
/** metadata-exported.h, PV_EXT_USED: the volume belongs to a group, even where it has no metadata area of its own. */
export const EXTENSION_USED = 1;

/** layout.h, struct mda_header: one sector, then the ring of metadata texts. */
const MDA = { checksum: 0, magic: 4, version: 20, start: 24, size: 32, locations: 40 } as const;
export const MDA_HEADER_BYTES = 512;
const MDA_MAGIC = Buffer.from(' LVM2 x[5A%r0N*>', 'latin1');
const MDA_VERSION = 1;
/** layout.h, struct raw_locn; slot 0 is what is committed. */
const RAW_LOCATION = { offset: 0, size: 8, checksum: 16, flags: 20, bytes: 24 } as const;
/** RAW_LOCN_IGNORED: the area exists and is not in use. */
const RAW_LOCATION_IGNORED = 1;

/** lib/misc/crc.h, INITIAL_CRC. */
const INITIAL_CHECKSUM = 0xf597a6cf;

/** A range of bytes of the physical volume. */
export interface Area {
  readonly offsetBytes: number;
  /** 0 where the area goes on to the end of the volume (data areas only). */
  readonly sizeBytes: number;
}

export interface PhysicalVolumeLabel {
  readonly uuid: LvmUuid;
  readonly deviceBytes: number;
  readonly dataAreas: readonly Area[];
  readonly metadataAreas: readonly Area[];
  readonly bootloaderAreas: readonly Area[];
  /** 0 where there is no extension. */
  readonly extensionVersion: number;
  readonly extensionFlags: number;
}

/** Where the committed text is: `offsetBytes` from the start of its area. */
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

/** lvm2's checksum: the CRC-32 of zlib with another start, and not inverted at the end (lib/misc/crc.c). */
export function lvmChecksum(...parts: readonly Uint8Array[]): number {
  const inverted = parts.reduce((crc, part) => crc32(part, crc), ~INITIAL_CHECKSUM >>> 0);
  return ~inverted >>> 0;
}

export function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}

function putAreas(bytes: Buffer, position: number, areas: readonly Area[]): number {
  let end = position;
  for (const { offsetBytes, sizeBytes } of areas) {
    bytes.writeBigUInt64LE(BigInt(offsetBytes), end);
    bytes.writeBigUInt64LE(BigInt(sizeBytes), end + 8);
    end += LOCATION_BYTES;
  }
  return end + LOCATION_BYTES;
}

/** The label's sector with everything in it. It belongs into sector {@link LABEL_SECTOR}. */
export function encodeLabel(label: PhysicalVolumeLabel): Buffer {
  const bytes = Buffer.alloc(SECTOR_BYTES);
  bytes.write(LABEL_ID, LABEL.id, 'latin1');
  bytes.writeBigUInt64LE(BigInt(LABEL_SECTOR), LABEL.sector);
  bytes.writeUInt32LE(LABEL.bytes, LABEL.contentOffset);
  bytes.write(LABEL_TYPE, LABEL.type, 'latin1');
  const header = LABEL.bytes;
  bytes.set(lvmUuidToBytes(label.uuid), header + PV_HEADER.uuid);
  bytes.writeBigUInt64LE(BigInt(label.deviceBytes), header + PV_HEADER.deviceBytes);
  let end = putAreas(bytes, header + PV_HEADER.areas, label.dataAreas);
  end = putAreas(bytes, end, label.metadataAreas);
  bytes.writeUInt32LE(label.extensionVersion, end + EXTENSION.version);
  bytes.writeUInt32LE(label.extensionFlags, end + EXTENSION.flags);
  putAreas(bytes, end + EXTENSION.bootloaderAreas, label.bootloaderAreas);
  bytes.writeUInt32LE(lvmChecksum(bytes.subarray(LABEL.contentOffset)), LABEL.checksum);
  return bytes;
}

export type Fail = (message: string) => never;

/** Gives the error of a structure that stands somewhere: `disk.img: label in sector 1: ...`. */
export function failing(where: string): Fail {
  return (message) => {
    throw new UserError(`${where}: ${message}`);
  };
}

function readCount(bytes: Buffer, position: number, what: string, fail: Fail): number {
  const value = bytes.readBigUInt64LE(position);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) fail(`${what} is ${value}, which is beyond any disk`);
  return Number(value);
}

/** Reads a list of locations up to the one that is zero; gives where the next thing begins. */
function takeAreas(sector: Buffer, position: number, what: string, fail: Fail): [Area[], number] {
  const areas: Area[] = [];
  for (let end = position; end + LOCATION_BYTES <= SECTOR_BYTES; end += LOCATION_BYTES) {
    const offsetBytes = readCount(sector, end, `the offset of a ${what}`, fail);
    const sizeBytes = readCount(sector, end + 8, `the size of a ${what}`, fail);
    if (offsetBytes === 0) return [areas, end + LOCATION_BYTES];
    areas.push({ offsetBytes, sizeBytes });
  }
  return fail(`the list of ${what}s has no end within the sector`);
}

/** Whether a sector is a label of any kind. */
export function isLabel(sector: Buffer): boolean {
  return sector.toString('latin1', LABEL.id, LABEL.id + LABEL_ID.length) === LABEL_ID;
}

/**
 * Reads a label's sector and verifies it.
 *
 * @param where names the volume and the sector, for errors
 */
export function decodeLabel(sector: Buffer, sectorNumber: number, where: string): PhysicalVolumeLabel {
  const fail = failing(where);
  const stored = sector.readUInt32LE(LABEL.checksum);
  const computed = lvmChecksum(sector.subarray(LABEL.contentOffset));
  if (stored !== computed) fail(`the label's checksum is ${hex(stored)}, the bytes give ${hex(computed)}`);
  const type = sector.toString('latin1', LABEL.type, LABEL.type + LABEL_TYPE.length);
  if (type !== LABEL_TYPE) fail(`the label's type is ${JSON.stringify(type)}, not "${LABEL_TYPE}"`);
  const ownSector = sector.readBigUInt64LE(LABEL.sector);
  if (ownSector !== BigInt(sectorNumber)) fail(`the label says it is in sector ${ownSector}`);
  const header = sector.readUInt32LE(LABEL.contentOffset);
  if (header < LABEL.bytes || header + PV_HEADER.areas > SECTOR_BYTES) {
    fail(`the label's content is at byte ${header}, outside of its sector`);
  }
  const uuidStart = header + PV_HEADER.uuid;
  const uuid = lvmUuidFromBytes(sector.subarray(uuidStart, uuidStart + UUID_BYTES));
  if (uuid === undefined) return fail("the physical volume's UUID has characters that no UUID has");
  const [dataAreas, metadataList] = takeAreas(sector, header + PV_HEADER.areas, 'data area', fail);
  const [metadataAreas, extension] = takeAreas(sector, metadataList, 'metadata area', fail);
  const common = {
    uuid: formatLvmUuid(uuid),
    deviceBytes: readCount(sector, header + PV_HEADER.deviceBytes, "the device's size", fail),
    dataAreas,
    metadataAreas,
  };
  const extensionVersion =
    extension + EXTENSION.bootloaderAreas <= SECTOR_BYTES ? sector.readUInt32LE(extension) : 0;
  if (extensionVersion === 0) {
    return { ...common, extensionVersion, extensionFlags: 0, bootloaderAreas: [] };
  }
  return {
    ...common,
    extensionVersion,
    extensionFlags: sector.readUInt32LE(extension + EXTENSION.flags),
    bootloaderAreas: takeAreas(sector, extension + EXTENSION.bootloaderAreas, 'boot loader area', fail)[0],
  };
}

/** The header of a metadata area. */
export function encodeMetadataAreaHeader({ area, text }: MetadataAreaHeader): Buffer {
  const bytes = Buffer.alloc(MDA_HEADER_BYTES);
  bytes.set(MDA_MAGIC, MDA.magic);
  bytes.writeUInt32LE(MDA_VERSION, MDA.version);
  bytes.writeBigUInt64LE(BigInt(area.offsetBytes), MDA.start);
  bytes.writeBigUInt64LE(BigInt(area.sizeBytes), MDA.size);
  if (text !== undefined) {
    bytes.writeBigUInt64LE(BigInt(text.offsetBytes), MDA.locations + RAW_LOCATION.offset);
    bytes.writeBigUInt64LE(BigInt(text.sizeBytes), MDA.locations + RAW_LOCATION.size);
    bytes.writeUInt32LE(text.checksum, MDA.locations + RAW_LOCATION.checksum);
    bytes.writeUInt32LE(text.ignored ? RAW_LOCATION_IGNORED : 0, MDA.locations + RAW_LOCATION.flags);
  }
  bytes.writeUInt32LE(lvmChecksum(bytes.subarray(MDA.magic)), MDA.checksum);
  return bytes;
}

/**
 * Reads the header of a metadata area and verifies it.
 *
 * @param area where the label says that the area is
 */
export function decodeMetadataAreaHeader(sector: Buffer, area: Area, where: string): MetadataAreaHeader {
  const fail = failing(where);
  const magic = sector.subarray(MDA.magic, MDA.magic + MDA_MAGIC.length);
  if (!magic.equals(MDA_MAGIC)) fail('no metadata header: its magic number is not there');
  const stored = sector.readUInt32LE(MDA.checksum);
  const computed = lvmChecksum(sector.subarray(MDA.magic, MDA_HEADER_BYTES));
  if (stored !== computed) fail(`the header's checksum is ${hex(stored)}, the bytes give ${hex(computed)}`);
  const version = sector.readUInt32LE(MDA.version);
  if (version !== MDA_VERSION) fail(`the header's version is ${version}, not ${MDA_VERSION}`);
  const start = readCount(sector, MDA.start, 'its own offset', fail);
  if (start !== area.offsetBytes) fail(`the header says that it is at byte ${start}`);
  const sizeBytes = readCount(sector, MDA.size, 'its size', fail);
  if (sizeBytes !== area.sizeBytes) {
    fail(`the header gives it ${sizeBytes} bytes, the label ${area.sizeBytes}`);
  }
  if (sizeBytes <= MDA_HEADER_BYTES) fail(`an area of ${sizeBytes} bytes holds no metadata`);
  const slot = sector.subarray(MDA.locations, MDA.locations + RAW_LOCATION.bytes);
  const text: TextLocation = {
    offsetBytes: readCount(slot, RAW_LOCATION.offset, 'the offset of the text', fail),
    sizeBytes: readCount(slot, RAW_LOCATION.size, 'the size of the text', fail),
    checksum: slot.readUInt32LE(RAW_LOCATION.checksum),
    ignored: (slot.readUInt32LE(RAW_LOCATION.flags) & RAW_LOCATION_IGNORED) !== 0,
  };
  if (text.offsetBytes === 0) return { area, text: undefined };
  if (text.offsetBytes < MDA_HEADER_BYTES || text.offsetBytes >= sizeBytes) {
    fail(`the text begins at byte ${text.offsetBytes}, outside of the area's ${sizeBytes} bytes`);
  }
  if (text.sizeBytes > sizeBytes - MDA_HEADER_BYTES) {
    fail(`the text has ${text.sizeBytes} bytes, more than the area's ${sizeBytes} hold`);
  }
  return { area, text };
}
