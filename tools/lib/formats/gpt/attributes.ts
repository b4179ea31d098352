import { UserError } from '../error/user-error.ts';

/** UEFI 2.10 table 5.8: masks of a partition's attributes. Its type defines bits 48 to 63. */
export const ATTRIBUTE = {
  /** The platform requires this partition to function: tools must not delete it. */
  required: 1n << 0n,
  /** The firmware creates no block device for it. */
  noBlockIo: 1n << 1n,
  /** A BIOS may boot from it. */
  legacyBiosBootable: 1n << 2n,
} as const;

/**
 * Attributes of the partition types that systemd discovers (The Discoverable Partitions
 * Specification, "Partition Flags"), and of Microsoft's basic data partitions.
 */
export const DISCOVERABLE_ATTRIBUTE = {
  /** Grow the file system to the partition's size. */
  growFileSystem: 1n << 59n,
  readOnly: 1n << 60n,
  /** Defined by Microsoft only. */
  hidden: 1n << 62n,
  noAutomount: 1n << 63n,
} as const;

/** The attributes that determine which slot is booted next. */
export interface SlotAttributes {
  /** The boot loader takes the bootable slot with the highest priority; 0 is never taken. */
  readonly priority: number;
  /** The number of boot attempts that remain until the slot has booted successfully. */
  readonly tries: number;
  readonly successful: boolean;
}

interface SlotLayout {
  readonly priorityShift: bigint;
  readonly priorityMaximum: number;
  readonly triesShift: bigint;
  readonly triesMaximum: number;
  readonly successfulShift: bigint;
}

/**
 * ChromiumOS design document "Disk Format", "Selecting the kernel"; `cgptlib/include/gpt.h` of
 * vboot_reference.
 */
const CHROME_OS: SlotLayout = {
  priorityShift: 48n,
  priorityMaximum: 15,
  triesShift: 52n,
  triesMaximum: 15,
  successfulShift: 56n,
};

/**
 * Android's boot loaders for Qualcomm machines (abl and LK, `PartitionTableUpdate.h`:
 * `PART_ATT_*_BIT`).
 */
const ANDROID: SlotLayout = {
  priorityShift: 48n,
  priorityMaximum: 3,
  triesShift: 51n,
  triesMaximum: 7,
  successfulShift: 54n,
};

/** Attributes that only Android has, besides those of {@link androidSlot}. */
export const ANDROID_ATTRIBUTE = { active: 1n << 50n, unbootable: 1n << 55n } as const;

function encode(layout: SlotLayout, { priority, tries, successful }: SlotAttributes): bigint {
  for (const [what, value, maximum] of [
    ['priority', priority, layout.priorityMaximum],
    ['number of tries', tries, layout.triesMaximum],
  ] as const) {
    if (!Number.isInteger(value) || value < 0 || value > maximum) {
      throw new UserError(`a slot's ${what} ${value}: use 0 to ${maximum}`);
    }
  }
  return (
    (BigInt(priority) << layout.priorityShift) |
    (BigInt(tries) << layout.triesShift) |
    (BigInt(successful) << layout.successfulShift)
  );
}

function decode(layout: SlotLayout, attributes: bigint): SlotAttributes {
  return {
    priority: Number((attributes >> layout.priorityShift) & BigInt(layout.priorityMaximum)),
    tries: Number((attributes >> layout.triesShift) & BigInt(layout.triesMaximum)),
    successful: ((attributes >> layout.successfulShift) & 1n) === 1n,
  };
}

/** Encodes the attributes of a ChromeOS kernel partition. Priority and tries are 0 to 15. */
export function chromeOsSlot(slot: SlotAttributes): bigint {
  return encode(CHROME_OS, slot);
}

export function readChromeOsSlot(attributes: bigint): SlotAttributes {
  return decode(CHROME_OS, attributes);
}

/**
 * Encodes the attributes of a partition of an Android slot. Priority is 0 to 3, tries are 0 to 7.
 */
export function androidSlot(slot: SlotAttributes): bigint {
  return encode(ANDROID, slot);
}

export function readAndroidSlot(attributes: bigint): SlotAttributes {
  return decode(ANDROID, attributes);
}
