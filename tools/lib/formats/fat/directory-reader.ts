import { viewOf } from '../structure/view.ts';
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
  SLOT,
  SLOT_BYTES,
  SLOT_END,
  SLOT_FREE,
  SLOT_LEAD_E5,
  shortNameChecksum,
} from './format.ts';
import type { FatTime } from './time.ts';

const DOT = '.'.charCodeAt(0);

/** A file or directory, as described by the slots of the directory that contains it. */
export interface FatChild {
  readonly name: string;
  /** Eight and three characters without padding, as `NAME.EXT`. */
  readonly shortName: string;
  /** The bits of `ATTRIBUTE`. */
  readonly attributes: number;
  readonly firstCluster: number;
  readonly sizeBytes: number;
  /** The date and the time of the last change, as stored. */
  readonly written: FatTime;
}

export interface FatListing {
  /** In the order of the slots, without `.` and `..`. */
  readonly children: readonly FatChild[];
  /** The volume's label, if the directory has one. */
  readonly label: string | undefined;
}

/**
 * Reads the slots of a directory ("FAT Directory Structure", "FAT Long Directory Entries"). Parts
 * of long names that belong to no short name are ignored, as every driver does.
 *
 * @param clusters the bytes of the directory, in pieces of whole slots
 * @param hasHighClusters whether cluster numbers have a high half, as in FAT32
 */
export function readDirectory(clusters: Iterable<Uint8Array>, hasHighClusters: boolean): FatListing {
  const children: FatChild[] = [];
  let label: string | undefined;
  const longName = new LongName();
  for (const { bytes, view, startBytes } of slotsOf(clusters)) {
    const name = SLOT.at.DIR_Name.bytes(bytes, startBytes);
    if (name[0] === SLOT_END) break;
    const attributes = SLOT.at.DIR_Attr.get(view, startBytes);
    if (name[0] === SLOT_FREE) {
      longName.clear();
    } else if ((attributes & LONG_NAME_MASK) === ATTRIBUTE.longName) {
      longName.add(view, startBytes);
    } else {
      const known = longName.take(name);
      if ((attributes & ATTRIBUTE.volumeId) !== 0) label ??= decodeCodePage(name).trimEnd();
      else if (!isDotName(name)) {
        children.push(readChild(view, startBytes, name, known, hasHighClusters));
      }
    }
  }
  return { children, label };
}

/** A slot within a piece of its directory. */
interface Slot {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly startBytes: number;
}

/** Cuts the clusters of a directory into slots. */
function* slotsOf(clusters: Iterable<Uint8Array>): Generator<Slot> {
  for (const bytes of clusters) {
    const view = viewOf(bytes);
    for (let startBytes = 0; startBytes + SLOT_BYTES <= bytes.length; startBytes += SLOT_BYTES) {
      yield { bytes, view, startBytes };
    }
  }
}

function readChild(
  view: DataView,
  startBytes: number,
  shortName: Uint8Array,
  longName: string | undefined,
  hasHighClusters: boolean,
): FatChild {
  const { at } = SLOT;
  const high = hasHighClusters ? at.DIR_FstClusHI.get(view, startBytes) : 0;
  return {
    name: longName ?? decodeShortName(shortName, at.DIR_NTRes.get(view, startBytes)),
    shortName: decodeShortName(shortName, 0),
    attributes: at.DIR_Attr.get(view, startBytes),
    firstCluster: high * 0x10000 + at.DIR_FstClusLO.get(view, startBytes),
    sizeBytes: at.DIR_FileSize.get(view, startBytes),
    written: { date: at.DIR_WrtDate.get(view, startBytes), time: at.DIR_WrtTime.get(view, startBytes) },
  };
}

function isDotName(shortName: Uint8Array): boolean {
  if (shortName[0] !== DOT) return false;
  const name = String.fromCharCode(...shortName).trimEnd();
  return name === '.' || name === '..';
}

function decodeShortName(shortName: Uint8Array, caseFlags: number): string {
  const bytes = shortName.slice();
  if (bytes[0] === SLOT_LEAD_E5) bytes[0] = SLOT_FREE;
  const base = decodeCodePage(bytes.subarray(0, SHORT_BASE_BYTES)).trimEnd();
  const extension = decodeCodePage(bytes.subarray(SHORT_BASE_BYTES)).trimEnd();
  const shownBase = (caseFlags & CASE_LOWER_BASE) !== 0 ? base.toLowerCase() : base;
  const shownExtension = (caseFlags & CASE_LOWER_EXTENSION) !== 0 ? extension.toLowerCase() : extension;
  return extension === '' ? shownBase : `${shownBase}.${shownExtension}`;
}

/** Collects the slots of a long name. They precede its short name, with the last part first. */
class LongName {
  #parts: string[] = [];
  #checksum = 0;
  /** The number of the slot that must come next; 0 if the name is complete or absent. */
  #nextOrder = 0;

  clear(): void {
    this.#parts = [];
    this.#nextOrder = 0;
  }

  add(view: DataView, startBytes: number): void {
    const order = LONG.at.LDIR_Ord.get(view, startBytes);
    const checksum = LONG.at.LDIR_Chksum.get(view, startBytes);
    if ((order & LONG_LAST) !== 0) {
      this.#parts = [];
      this.#nextOrder = order & ~LONG_LAST;
      this.#checksum = checksum;
    }
    if ((order & ~LONG_LAST) !== this.#nextOrder || checksum !== this.#checksum || this.#nextOrder === 0) {
      // This part is an orphan: only the short name is valid.
      this.clear();
      return;
    }
    this.#parts.push(
      LONG_UNIT_OFFSETS.map((offset) => String.fromCharCode(view.getUint16(startBytes + offset, true))).join(
        '',
      ),
    );
    this.#nextOrder -= 1;
  }

  /**
   * Returns the long name if it is complete and belongs to `shortName`, and forgets it in any case.
   */
  take(shortName: Uint8Array): string | undefined {
    const name = this.#parts.toReversed().join('').split('\0', 1)[0];
    const isWhole = this.#parts.length > 0 && this.#nextOrder === 0;
    const belongs = this.#checksum === shortNameChecksum(shortName);
    this.clear();
    return isWhole && belongs ? name : undefined;
  }
}
