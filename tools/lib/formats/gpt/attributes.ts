import { UserError } from '../error/user-error.ts';

/** The 64 bits of a partition's attributes, as masks. UEFI 2.10 table 5.8; bits 48 to 63 are the partition type's own. */
export const ATTRIBUTE = {
  /** The platform needs it to work: tools must not delete it. */
  required: 1n << 0n,
  /** The firmware makes no block device of it. */
  noBlockIo: 1n << 1n,
  /** A BIOS may boot from it. */
  legacyBiosBootable: 1n << 2n,
} as const;

/** Of types that systemd finds by themselves (The Discoverable Partitions Specification, "Partition Flags"), and of Microsoft's basic data. */
export const DISCOVERABLE_ATTRIBUTE = {
  /** Grow the file system to the partition's size. */
  growFileSystem: 1n << 59n,
  readOnly: 1n << 60n,
  /** Microsoft's alone. */
  hidden: 1n << 62n,
  noAutomount: 1n << 63n,
} as const;

/** Which of several slots is booted next. */
export interface SlotAttributes {
  /** The bootable slot with the highest one is taken; 0 is never taken. */
  readonly priority: number;
  /** How many more times it may be tried before it was successful. */
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

/** ChromiumOS design document "Disk Format", "Selecting the kernel"; `cgptlib/include/gpt.h` of vboot_reference. */
const CHROME_OS: SlotLayout = {
  priorityShift: 48n,
  priorityMaximum: 15,
  triesShift: 52n,
  triesMaximum: 15,
  successfulShift: 56n,
};

/** Android's boot loader for Qualcomm machines (abl and LK, `PartitionTableUpdate.h`: `PART_ATT_*_BIT`). */
const ANDROID: SlotLayout = {
  priorityShift: 48n,
  priorityMaximum: 3,
  triesShift: 51n,
  triesMaximum: 7,
  successfulShift: 54n,
};

/** Of Android alone, beside {@link androidSlot}. */
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

/** The attributes of a ChromeOS kernel partition: priority and tries 0 to 15. */
export function chromeOsSlot(slot: SlotAttributes): bigint {
  return encode(CHROME_OS, slot);
}

export function readChromeOsSlot(attributes: bigint): SlotAttributes {
  return decode(CHROME_OS, attributes);
}

/** The attributes of a partition of an Android slot: priority 0 to 3, tries 0 to 7. */
export function androidSlot(slot: SlotAttributes): bigint {
  return encode(ANDROID, slot);
}

export function readAndroidSlot(attributes: bigint): SlotAttributes {
  return decode(ANDROID, attributes);
}
