import { decodeCodePage } from './code-page.ts';
import {
  ATTRIBUTE,
  CASE_LOWER_BASE,
  CASE_LOWER_EXTENSION,
  LONG,
  LONG_LAST,
  LONG_NAME_MASK,
  LONG_UNIT_OFFSETS,
  SHORT_BASE_BYTES,
  SHORT_NAME_BYTES,
  SLOT,
  SLOT_BYTES,
  SLOT_END,
  SLOT_FREE,
  SLOT_LEAD_E5,
  shortNameChecksum,
} from './format.ts';
import type { FatTime } from './time.ts';

/** A child as its directory's slots tell of it. */
export interface FatChild {
  readonly name: string;
  /** Eight and three characters without padding, as `NAME.EXT`. */
  readonly shortName: string;
  /** The bits of `ATTRIBUTE`. */
  readonly attributes: number;
  readonly firstCluster: number;
  readonly sizeBytes: number;
  /** The bits of the last change. */
  readonly written: FatTime;
}

export interface FatListing {
  /** In the order of the slots, without `.` and `..`. */
  readonly children: readonly FatChild[];
  /** The volume's label, if the directory has one. */
  readonly label: string | undefined;
}

/**
 * Reads the slots of a directory ("FAT Directory Structure", "FAT Long Directory Entries"). Parts of long names that belong to no short name
 * are passed over, as every driver does.
 *
 * @param hasHighClusters whether the high half of cluster numbers counts, as in FAT32
 */
export function readDirectory(slots: Iterable<Buffer>, hasHighClusters: boolean): FatListing {
  const children: FatChild[] = [];
  let label: string | undefined;
  const longName = new LongName();
  for (const slot of slots) {
    const lead = slot.readUInt8(SLOT.name);
    if (lead === SLOT_END) break;
    const attributes = slot.readUInt8(SLOT.attributes);
    if (lead === SLOT_FREE) {
      longName.clear();
    } else if ((attributes & LONG_NAME_MASK) === ATTRIBUTE.longName) {
      longName.add(slot);
    } else {
      const known = longName.take(slot.subarray(0, SHORT_NAME_BYTES));
      if ((attributes & ATTRIBUTE.volumeId) !== 0) label ??= decodeLabel(slot);
      else if (!isDotEntry(slot)) children.push(readChild(slot, known, hasHighClusters));
    }
  }
  return { children, label };
}

/** Cuts the clusters of a directory into slots. */
export function* slotsOf(clusters: Iterable<Uint8Array>): Generator<Buffer> {
  for (const bytes of clusters) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let offset = 0; offset + SLOT_BYTES <= buffer.length; offset += SLOT_BYTES) {
      yield buffer.subarray(offset, offset + SLOT_BYTES);
    }
  }
}

function readChild(slot: Buffer, longName: string | undefined, hasHighClusters: boolean): FatChild {
  const high = hasHighClusters ? slot.readUInt16LE(SLOT.firstClusterHigh) : 0;
  return {
    name: longName ?? decodeShortName(slot, slot.readUInt8(SLOT.caseFlags)),
    shortName: decodeShortName(slot, 0),
    attributes: slot.readUInt8(SLOT.attributes),
    firstCluster: high * 0x10000 + slot.readUInt16LE(SLOT.firstClusterLow),
    sizeBytes: slot.readUInt32LE(SLOT.sizeBytes),
    written: { date: slot.readUInt16LE(SLOT.writeDate), time: slot.readUInt16LE(SLOT.writeTime) },
  };
}

function isDotEntry(slot: Buffer): boolean {
  const name = slot.toString('latin1', 0, SHORT_NAME_BYTES).trimEnd();
  return name === '.' || name === '..';
}

function decodeLabel(slot: Buffer): string {
  return decodeCodePage(slot.subarray(0, SHORT_NAME_BYTES)).trimEnd();
}

function decodeShortName(slot: Buffer, caseFlags: number): string {
  const bytes = Buffer.from(slot.subarray(0, SHORT_NAME_BYTES));
  if (bytes[0] === SLOT_LEAD_E5) bytes[0] = SLOT_FREE;
  const base = decodeCodePage(bytes.subarray(0, SHORT_BASE_BYTES)).trimEnd();
  const extension = decodeCodePage(bytes.subarray(SHORT_BASE_BYTES)).trimEnd();
  const shownBase = (caseFlags & CASE_LOWER_BASE) !== 0 ? base.toLowerCase() : base;
  const shownExtension = (caseFlags & CASE_LOWER_EXTENSION) !== 0 ? extension.toLowerCase() : extension;
  return extension === '' ? shownBase : `${shownBase}.${shownExtension}`;
}

/** Gathers the slots of a long name, which stand last part first before the short name that they belong to. */
class LongName {
  #parts: string[] = [];
  #checksum = 0;
  /** The number of the slot that has to come next; 0 when the name is whole, or there is none. */
  #nextOrder = 0;

  clear(): void {
    this.#parts = [];
    this.#nextOrder = 0;
  }

  add(slot: Buffer): void {
    const order = slot.readUInt8(LONG.order);
    const checksum = slot.readUInt8(LONG.checksum);
    if ((order & LONG_LAST) !== 0) {
      this.#parts = [];
      this.#nextOrder = order & ~LONG_LAST;
      this.#checksum = checksum;
    }
    if ((order & ~LONG_LAST) !== this.#nextOrder || checksum !== this.#checksum || this.#nextOrder === 0) {
      // An orphan: the short name alone is valid.
      this.clear();
      return;
    }
    this.#parts.push(
      LONG_UNIT_OFFSETS.map((offset) => String.fromCharCode(slot.readUInt16LE(offset))).join(''),
    );
    this.#nextOrder -= 1;
  }

  /** The long name for `shortName` if it is whole and belongs to it; forgets it either way. */
  take(shortName: Uint8Array): string | undefined {
    const name = this.#parts.toReversed().join('').split('\0', 1)[0];
    const isWhole = this.#parts.length > 0 && this.#nextOrder === 0;
    const belongs = this.#checksum === shortNameChecksum(shortName);
    this.clear();
    return isWhole && belongs ? name : undefined;
  }
}
