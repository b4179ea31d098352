/** What all partitions with a file system of their own and a hash tree have in common. */

import { rmSync } from 'node:fs';
import { FileImage } from '../../formats/block/file.ts';
import { parseUuid, uuidFromName } from '../../formats/uuid/uuid.ts';
import { required, SWITCH, TEXT } from '../../runtime/cli/cli.ts';
import type { EntryList } from '../manifest/entries.ts';
import { packImageFiles } from '../packed/file.ts';
import type { FileSystemInfo, VerityInfo } from '../packed/index.ts';
import { RecordingSink } from '../packed/recording-sink.ts';
import { appendHashTree, hashTreeBytes } from './hash-tree.ts';
import type { ImageTarget } from './options.ts';
import { veritySalt } from './verity.ts';

/** Whether there is a hash tree, and what identifies it. */
export const VERITY_OPTIONS = {
  verity: SWITCH,
  'verity-salt': TEXT,
  'verity-uuid': TEXT,
  'root-hash': TEXT,
};

/** Gives the UUID that an option says, or the one that the target's stable name has for its part. */
export type Identifier = (uuid: string | undefined, role: string) => string;

export function identifiersOf(identity: string): Identifier {
  return (uuid, role) =>
    uuid === undefined ? uuidFromName(`${identity}#${role}`) : parseUuid(uuid, `--${role}`);
}

/** Salt and UUID of a hash tree, hexadecimal. */
export interface VerityIdentity {
  readonly salt: string;
  readonly uuid: string;
}

/** A hash tree that is asked for, and the file that its root hash goes to. */
export interface VerityTarget {
  readonly identity: VerityIdentity;
  readonly rootHashPath: string;
}

/** Reads {@link VERITY_OPTIONS}; `undefined` where no hash tree is asked for. */
export function verityTarget(
  values: {
    readonly verity?: boolean | undefined;
    readonly 'verity-salt'?: string | undefined;
    readonly 'verity-uuid'?: string | undefined;
    readonly 'root-hash'?: string | undefined;
  },
  identity: string,
  output: (path: string) => string,
): VerityTarget | undefined {
  if (values.verity !== true) return undefined;
  return {
    identity: {
      salt: veritySalt(values['verity-salt'], identity),
      uuid: identifiersOf(identity)(values['verity-uuid'], 'verity-uuid'),
    },
    rootHashPath: output(required(values['root-hash'], 'root-hash')),
  };
}

export interface FileSystemPartition {
  /** Of the file system; the hash tree comes behind it. */
  readonly sizeBytes: number;
  readonly fileSystem: FileSystemInfo;
  /** No hash tree without it. */
  readonly verity: VerityIdentity | undefined;
  readonly target: ImageTarget;
  /** A file to make for the raw image where it is no output; it is gone afterwards. */
  readonly scratch: string;
  /**
   * Writes the file system into the file at `path` through `sink`, or tells the sink where it was written to.
   *
   * @returns the list of entries with the digest of each file, where that is known
   */
  write(sink: RecordingSink, path: string): Promise<EntryList | undefined>;
}

export interface WrittenPartition {
  readonly entries: EntryList | undefined;
  readonly rootHash: string | undefined;
}

/** Writes a file system, its hash tree right behind it, and packs both where that is asked for. */
export async function writePartition(partition: FileSystemPartition): Promise<WrittenPartition> {
  const { sizeBytes, fileSystem, verity, target } = partition;
  const path = target.raw ?? partition.scratch;
  const image = FileImage.create(path, sizeBytes + (verity === undefined ? 0 : hashTreeBytes(sizeBytes)));
  const sink = new RecordingSink(image);
  const entries = await partition.write(sink, path);
  let verityInfo: VerityInfo | undefined;
  if (verity !== undefined) {
    const rootHash = await appendHashTree(path, sink, sizeBytes, sink.extents(), verity);
    verityInfo = { rootHash, ...verity, dataBytes: sizeBytes, hashOffsetBytes: sizeBytes };
  }
  if (target.packed !== undefined) {
    await packImageFiles(image, target.packed.files, {
      ...target.packed.settings,
      written: sink.extents(),
      facts: { fileSystem, ...(verityInfo === undefined ? {} : { verity: verityInfo }) },
    });
  }
  image.close();
  if (target.raw === undefined) rmSync(path);
  return { entries, rootHash: verityInfo?.rootHash };
}
