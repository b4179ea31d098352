/**
 * Writes the raw image of a partition and packs it. A tool makes these calls in order:
 *
 *     const image = new RawPartition({ sizeBytes, verity, target, scratch });
 *     ...write the file system through image.sink...
 *     const rootHash = await image.finish({ type: 'ext4', label, uuid });
 */

import { rmSync } from 'node:fs';
import { FileImage } from '../../formats/block/file.ts';
import { verityHashBytes } from '../../formats/verity/verity.ts';
import type { EntryList } from '../manifest/entries.ts';
import { packImageFiles } from '../packed/file.ts';
import type { FileSystemInfo, VerityInfo } from '../packed/index.ts';
import { RecordingSink } from '../packed/recording-sink.ts';
import { formatVerity } from '../verity/verity-file.ts';
import type { ImageTarget } from './options.ts';
import type { VerityIdentity } from './verity-options.ts';

export interface RawPartitionOptions {
  /** The size of the file system; the hash tree follows it. */
  readonly sizeBytes: number;
  /** The identity of the hash tree; without it, no tree is written. */
  readonly verity: VerityIdentity | undefined;
  readonly target: ImageTarget;
  /**
   * The file for the raw image if that is not an output; {@link RawPartition.finish} removes it.
   */
  readonly scratch: string;
}

/** The results of writing a partition. */
export interface WrittenPartition {
  readonly entries: EntryList | undefined;
  readonly rootHash: string | undefined;
}

export class RawPartition {
  /** The raw image, a sparse file. */
  readonly path: string;
  /** Writes to the image and records the written ranges, so that holes need not be read again. */
  readonly sink: RecordingSink;
  readonly #options: RawPartitionOptions;
  readonly #image: FileImage;

  /** Creates the image with its full size: the file system and the hash tree. */
  constructor(options: RawPartitionOptions) {
    const { sizeBytes, verity, target, scratch } = options;
    this.#options = options;
    this.path = target.raw ?? scratch;
    this.#image = FileImage.create(
      this.path,
      sizeBytes + (verity === undefined ? 0 : verityHashBytes(sizeBytes)),
    );
    this.sink = new RecordingSink(this.#image);
  }

  /**
   * Appends the hash tree and packs the image if the options ask for it, and closes the image. The
   * file system must be complete.
   *
   * @returns the root hash in hexadecimal, if there is a hash tree
   */
  async finish(fileSystem: FileSystemInfo): Promise<string | undefined> {
    const { target } = this.#options;
    const verity = await this.#appendHashTree();
    if (target.packed !== undefined) {
      await packImageFiles(this.#image, target.packed.files, {
        ...target.packed.settings,
        written: this.sink.extents(),
        facts: { fileSystem, ...(verity === undefined ? {} : { verity }) },
      });
    }
    this.#image.close();
    if (target.raw === undefined) rmSync(this.path);
    return verity?.rootHash;
  }

  /**
   * Writes the dm-verity hash tree directly after the file system. Several threads compute the
   * hashes.
   */
  async #appendHashTree(): Promise<VerityInfo | undefined> {
    const { sizeBytes: dataBytes, verity } = this.#options;
    if (verity === undefined) return undefined;
    const { rootHash } = await formatVerity(this.path, this.sink, {
      dataBytes,
      hashOffsetBytes: dataBytes,
      salt: Buffer.from(verity.salt, 'hex'),
      uuid: verity.uuid,
      written: this.sink.extents(),
    });
    return { rootHash, ...verity, dataBytes, hashOffsetBytes: dataBytes };
  }
}
