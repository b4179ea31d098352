import { type Entry, NO_XATTRS } from '../lib/formats/entry/entry.ts';
import { sparseHeader } from '../lib/formats/tar/sparse.ts';
import { TAR_END, tarHeader, tarPadding } from '../lib/formats/tar/writer.ts';
import type { ArchiveFile, PackedPartition } from '../lib/image/packed/archive.ts';
import { dataExtents } from '../lib/image/packed/index.ts';

const MEMBER_MODE = 0o644;
const VERSION_MEMBER = 'VERSION.TXT';

export interface Upgrade {
  readonly boot: PackedPartition;
  readonly root: PackedPartition;
  /** The content of VERSION.TXT. */
  readonly version: Uint8Array;
}

async function writePartition(archive: ArchiveFile, path: string, partition: PackedPartition): Promise<void> {
  const { header, dataSizeBytes } = sparseHeader({
    path,
    mode: MEMBER_MODE,
    realSizeBytes: partition.index.sizeBytes,
    extents: dataExtents(partition.index),
  });
  await archive.write(header);
  archive.copy(partition);
  await archive.write(tarPadding(dataSizeBytes));
}

function versionMember(version: Uint8Array): Uint8Array {
  const entry: Entry = {
    type: 'file',
    path: VERSION_MEMBER,
    sizeBytes: version.length,
    mode: MEMBER_MODE,
    uid: 0,
    gid: 0,
    xattrs: NO_XATTRS,
  };
  return Buffer.concat([tarHeader(entry), version, tarPadding(version.length)]);
}

/**
 * Writes the archive: boot.img, root.img, VERSION.TXT, in the order in which an upgrade reads them.
 */
export async function writeUpgradeArchive(upgrade: Upgrade, archive: ArchiveFile): Promise<void> {
  await writePartition(archive, 'boot.img', upgrade.boot);
  await writePartition(archive, 'root.img', upgrade.root);
  await archive.write(Buffer.concat([versionMember(upgrade.version), TAR_END]));
}
