/** Names for the types and attributes of a partition table. */
import { ATTRIBUTE, DISCOVERABLE_ATTRIBUTE, readChromeOsSlot } from '../../lib/formats/gpt/gpt.ts';

/** UEFI 2.10 table 5.7 and the Discoverable Partitions Specification. */
const TYPE_NAMES: Readonly<Record<string, string>> = {
  'c12a7328-f81f-11d2-ba4b-00a0c93ec93b': 'EFI System',
  '21686148-6449-6e6f-744e-656564454649': 'BIOS boot',
  '0fc63daf-8483-4772-8e79-3d69d8477de4': 'Linux filesystem',
  'ebd0a0a2-b9e5-4433-87c0-68b6b72699c7': 'Microsoft basic data',
  'e6d6d379-f507-44c2-a23c-238f2a3df928': 'Linux LVM',
  '0657fd6d-a4ab-43c4-84e5-0933c84b4f4f': 'Linux swap',
  'bc13c2ff-59e6-4262-a352-b275fd6f7172': 'Linux extended boot',
  '4f68bce3-e8cd-4db1-96e7-fbcaf984b709': 'Linux root (x86-64)',
  '2c7357ed-ebd2-46d9-aec1-23d437ec2bf5': 'Linux root verity (x86-64)',
  '8484680c-9521-48c6-9c11-b0720656f69e': 'Linux usr (x86-64)',
  '77ff5f63-e7b6-4633-acf4-1565b864c0e6': 'Linux usr verity (x86-64)',
  'fe3a2a5d-4f32-41a7-b725-accc3285a309': 'ChromeOS kernel',
  '3cb8e202-3b7e-47dd-8a3c-7ff2a13cfcec': 'ChromeOS root',
};
const CHROMEOS_KERNEL = 'fe3a2a5d-4f32-41a7-b725-accc3285a309';

/** The type's name, or the GUID of an unknown type. */
export function typeName(typeUuid: string): string {
  return TYPE_NAMES[typeUuid] ?? typeUuid;
}

/** Bits that mean the same for every type, under the names of sfdisk. */
const COMMON_BITS: readonly [mask: bigint, name: string][] = [
  [ATTRIBUTE.required, 'RequiredPartition'],
  [ATTRIBUTE.noBlockIo, 'NoBlockIOProtocol'],
  [ATTRIBUTE.legacyBiosBootable, 'LegacyBIOSBootable'],
];
const DISCOVERABLE_BITS: readonly [mask: bigint, name: string][] = [
  [DISCOVERABLE_ATTRIBUTE.growFileSystem, 'grow-file-system'],
  [DISCOVERABLE_ATTRIBUTE.readOnly, 'read-only'],
  [DISCOVERABLE_ATTRIBUTE.hidden, 'hidden'],
  [DISCOVERABLE_ATTRIBUTE.noAutomount, 'no-auto'],
];
/** The bits that {@link readChromeOsSlot} reads. */
const SLOT_BITS = 0x1ffn << 48n;
const TYPE_BITS_FROM = 48n;

/**
 * Names for the set bits: those of A/B slots as `priority=2`, unnamed ones as in sfdisk, `GUID:50`.
 */
export function attributeNames(typeUuid: string, attributes: bigint): string[] {
  const names: string[] = [];
  let left = attributes;
  const take = (bits: readonly [mask: bigint, name: string][]) => {
    for (const [mask, name] of bits) {
      if ((left & mask) === 0n) continue;
      names.push(name);
      left &= ~mask;
    }
  };
  take(COMMON_BITS);
  if (typeUuid === CHROMEOS_KERNEL || (left & SLOT_BITS) !== 0n) {
    const { priority, tries, successful } = readChromeOsSlot(left);
    names.push(`priority=${priority}`, `tries=${tries}`, `successful=${successful ? 1 : 0}`);
    left &= ~SLOT_BITS;
  }
  take(DISCOVERABLE_BITS);
  for (let bit = 0n; bit < 64n; bit++) {
    if ((left & (1n << bit)) !== 0n) names.push(bit < TYPE_BITS_FROM ? `bit ${bit}` : `GUID:${bit}`);
  }
  return names;
}
