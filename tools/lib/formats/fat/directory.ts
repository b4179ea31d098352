import {
  ATTRIBUTE,
  LONG,
  LONG_LAST,
  LONG_UNIT_OFFSETS,
  LONG_UNITS,
  SHORT_NAME_BYTES,
  SLOT,
  SLOT_BYTES,
  shortNameChecksum,
} from './format.ts';
import type { StoredName } from './names.ts';
import type { FatTime } from './time.ts';

/** What a directory's slots say about one child. */
export interface DirectoryRecord {
  readonly stored: StoredName;
  readonly attributes: number;
  /** 0 for an empty file, and for the root as a parent. */
  readonly firstCluster: number;
  /** 0 for directories. */
  readonly sizeBytes: number;
}

/** The slots that a name takes: one for the short name, and one for each thirteen UTF-16 units of a long one. */
export function slotCount(stored: StoredName): number {
  return 1 + (stored.hasLongName ? Math.ceil(stored.name.length / LONG_UNITS) : 0);
}

/** The record of `.` or `..`, or of the volume label: a name that stands as it is. */
export function plainRecord(shortName: string, attributes: number, firstCluster: number): DirectoryRecord {
  const padded = shortName.padEnd(SHORT_NAME_BYTES);
  return {
    stored: { name: padded, shortName: padded, caseFlags: 0, hasLongName: false },
    attributes,
    firstCluster,
    sizeBytes: 0,
  };
}

/** Encodes the records one after the other. */
export function encodeRecords(records: readonly DirectoryRecord[], time: FatTime): Uint8Array {
  const bytes = Buffer.alloc(records.reduce((sum, record) => sum + slotCount(record.stored), 0) * SLOT_BYTES);
  let offset = 0;
  for (const record of records) {
    const longSlots = slotCount(record.stored) - 1;
    const shortName = Buffer.from(record.stored.shortName, 'latin1');
    const checksum = shortNameChecksum(shortName);
    for (let order = longSlots; order >= 1; order -= 1) {
      const slot = bytes.subarray(offset, offset + SLOT_BYTES);
      encodeLongSlot(slot, record.stored.name, order, checksum);
      if (order === longSlots) slot.writeUInt8(order | LONG_LAST, LONG.order);
      offset += SLOT_BYTES;
    }
    encodeShortSlot(bytes.subarray(offset, offset + SLOT_BYTES), record, shortName, time);
    offset += SLOT_BYTES;
  }
  return bytes;
}

/** The slot with the `order`th thirteen units, counted from 1. */
function encodeLongSlot(slot: Buffer, name: string, order: number, checksum: number): void {
  slot.writeUInt8(order, LONG.order);
  slot.writeUInt8(ATTRIBUTE.longName, SLOT.attributes);
  slot.writeUInt8(checksum, LONG.checksum);
  let position = (order - 1) * LONG_UNITS;
  for (const offset of LONG_UNIT_OFFSETS) {
    // One NUL ends a name that does not fill its slots, and FFFF fills the rest.
    const unit = position < name.length ? name.charCodeAt(position) : position === name.length ? 0 : 0xffff;
    slot[offset] = unit;
    slot[offset + 1] = unit >> 8;
    position += 1;
  }
}

function encodeShortSlot(slot: Buffer, record: DirectoryRecord, shortName: Buffer, time: FatTime): void {
  slot.set(shortName, SLOT.name);
  slot.writeUInt8(record.attributes, SLOT.attributes);
  slot.writeUInt8(record.stored.caseFlags, SLOT.caseFlags);
  slot.writeUInt16LE(time.time, SLOT.createTime);
  slot.writeUInt16LE(time.date, SLOT.createDate);
  slot.writeUInt16LE(time.date, SLOT.accessDate);
  slot.writeUInt16LE(record.firstCluster >>> 16, SLOT.firstClusterHigh);
  slot.writeUInt16LE(time.time, SLOT.writeTime);
  slot.writeUInt16LE(time.date, SLOT.writeDate);
  slot.writeUInt16LE(record.firstCluster & 0xffff, SLOT.firstClusterLow);
  slot.writeUInt32LE(record.sizeBytes, SLOT.sizeBytes);
}
