/** The feature bits: "Super Block" in the kernel's ext4 documentation (super.rst). */

/** s_feature_compat: a driver that does not support a feature may still read and write. */
export const COMPAT = {
  hasJournal: 0x4,
  extAttr: 0x8,
  dirIndex: 0x20,
  sparseSuper2: 0x200,
} as const;

/** s_feature_incompat: a driver that does not support a feature must not mount. */
export const INCOMPAT = {
  compression: 0x1,
  filetype: 0x2,
  recover: 0x4,
  journalDevice: 0x8,
  metaBg: 0x10,
  extents: 0x40,
  bit64: 0x80,
  multipleMountProtection: 0x100,
  flexBg: 0x200,
  eaInode: 0x400,
  dirData: 0x1000,
  csumSeed: 0x2000,
  largeDir: 0x4000,
  inlineData: 0x8000,
  encrypt: 0x10000,
  casefold: 0x20000,
} as const;

/** s_feature_ro_compat: a driver that does not support a feature may only read. */
export const RO_COMPAT = {
  sparseSuper: 0x1,
  largeFile: 0x2,
  hugeFile: 0x8,
  /** `uninit_bg`: descriptors have the older checksum. */
  gdtCsum: 0x10,
  dirNlink: 0x20,
  extraIsize: 0x40,
  metadataCsum: 0x400,
  readOnly: 0x1000,
  orphanPresent: 0x10000,
} as const;

/**
 * The bits of s_feature_incompat that the reader supports. It refuses encrypted and case-folding
 * directories one by one, because a file system may have the feature without such directories.
 */
const READABLE_INCOMPAT =
  INCOMPAT.filetype |
  INCOMPAT.metaBg |
  INCOMPAT.extents |
  INCOMPAT.bit64 |
  INCOMPAT.multipleMountProtection |
  INCOMPAT.flexBg |
  INCOMPAT.eaInode |
  INCOMPAT.csumSeed |
  INCOMPAT.largeDir |
  INCOMPAT.inlineData |
  INCOMPAT.encrypt |
  INCOMPAT.casefold;

/** The names that e2fsprogs gives to the other bits. */
const REFUSED_NAMES: ReadonlyMap<number, string> = new Map([
  [INCOMPAT.compression, 'compression'],
  [INCOMPAT.journalDevice, 'journal_dev'],
  [INCOMPAT.dirData, 'dirdata'],
]);

/** Returns the names of the features that the reader does not support; unnamed bits as numbers. */
export function refusedFeatures(incompat: number): string[] {
  const refused: string[] = [];
  for (let bit = 0; bit < 32; bit++) {
    const feature = 2 ** bit;
    const isSet = Math.floor(incompat / feature) % 2 === 1;
    if (isSet && (READABLE_INCOMPAT & feature) === 0) {
      refused.push(REFUSED_NAMES.get(feature) ?? `incompatible 0x${feature.toString(16)}`);
    }
  }
  return refused;
}
