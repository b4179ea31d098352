import { viewOf } from '../structure/view.ts';
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

/** The contents of a directory's slots for one child. */
export interface DirectoryRecord {
  readonly stored: StoredName;
  readonly attributes: number;
  /** 0 for an empty file, and for a `..` that refers to the root. */
  readonly firstCluster: number;
  /** 0 for directories. */
  readonly sizeBytes: number;
}

/**
 * Returns the number of slots of a name: one for the short name, and one per thirteen UTF-16 units
 * of a long name.
 */
export function slotCount(stored: StoredName): number {
  return 1 + (stored.hasLongName ? Math.ceil(stored.name.length / LONG_UNITS) : 0);
}

/** Returns the record of `.`, `..` or the volume label, whose name is stored unchanged. */
export function plainRecord(shortName: string, attributes: number, firstCluster: number): DirectoryRecord {
  const padded = shortName.padEnd(SHORT_NAME_BYTES);
  return {
    stored: { name: padded, shortName: padded, caseFlags: 0, hasLongName: false },
    attributes,
    firstCluster,
    sizeBytes: 0,
  };
}

/** Encodes the slots of the records, one record after the other. */
export function encodeRecords(records: readonly DirectoryRecord[], time: FatTime): Uint8Array {
  const slots = records.reduce((sum, record) => sum + slotCount(record.stored), 0);
  const bytes = new Uint8Array(slots * SLOT_BYTES);
  const view = viewOf(bytes);
  let offset = 0;
  for (const record of records) {
    const longSlots = slotCount(record.stored) - 1;
    const shortName = Buffer.from(record.stored.shortName, 'latin1');
    const checksum = shortNameChecksum(shortName);
    for (let order = longSlots; order >= 1; order -= 1) {
      encodeLongSlot(view, offset, record.stored.name, order, checksum);
      if (order === longSlots) LONG.at.LDIR_Ord.set(view, order | LONG_LAST, offset);
      offset += SLOT_BYTES;
    }
    SLOT.at.DIR_Name.setBytes(bytes, shortName, offset);
    encodeShortSlot(view, offset, record, time);
    offset += SLOT_BYTES;
  }
  return bytes;
}

/** Encodes the slot with part `order` of a long name, thirteen units, counted from 1. */
function encodeLongSlot(view: DataView, start: number, name: string, order: number, checksum: number): void {
  LONG.at.LDIR_Ord.set(view, order, start);
  LONG.at.LDIR_Attr.set(view, ATTRIBUTE.longName, start);
  LONG.at.LDIR_Chksum.set(view, checksum, start);
  let position = (order - 1) * LONG_UNITS;
  for (const offset of LONG_UNIT_OFFSETS) {
    // One NUL ends a name that does not fill its slots, and FFFF fills the rest.
    const unit = position < name.length ? name.charCodeAt(position) : position === name.length ? 0 : 0xffff;
    view.setUint16(start + offset, unit, true);
    position += 1;
  }
}

/** Encodes the slot of a short name, except the name. */
function encodeShortSlot(view: DataView, start: number, record: DirectoryRecord, time: FatTime): void {
  const { at } = SLOT;
  at.DIR_Attr.set(view, record.attributes, start);
  at.DIR_NTRes.set(view, record.stored.caseFlags, start);
  at.DIR_CrtTime.set(view, time.time, start);
  at.DIR_CrtDate.set(view, time.date, start);
  at.DIR_LstAccDate.set(view, time.date, start);
  at.DIR_FstClusHI.set(view, record.firstCluster >>> 16, start);
  at.DIR_WrtTime.set(view, time.time, start);
  at.DIR_WrtDate.set(view, time.date, start);
  at.DIR_FstClusLO.set(view, record.firstCluster & 0xffff, start);
  at.DIR_FileSize.set(view, record.sizeBytes, start);
}
