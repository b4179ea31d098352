import type { BlockSink } from '../../formats/block/block.ts';
import { FileImage } from '../../formats/block/file.ts';
import { VerityBuilder, type VerityOptions, type VerityResult } from '../../formats/verity/builder.ts';
import { verityFormat } from '../../formats/verity/format.ts';
import { countDataBlocks } from '../../formats/verity/geometry.ts';
import { openTree, type VerifyOptions, type VerityParameters } from '../../formats/verity/verify.ts';
import { type DataRange, hashStripes } from './stripes.ts';

export interface VerityFileOptions extends VerityOptions {
  /** The ranges of the data that may contain bytes other than zero, ascending. Default: all. */
  readonly written?: readonly DataRange[];
  /** The number of threads. Default: that of `workerCount`. It does not change the result. */
  readonly workers?: number;
}

/**
 * Computes the hash tree of a file's first `dataBytes` on several threads, and writes it and its
 * superblock to `sink`. The bytes are those that a {@link VerityBuilder} writes for the same data.
 *
 * @throws UserError as {@link VerityBuilder} does, and for a file that ends before its data
 */
export async function formatVerity(
  dataPath: string,
  sink: BlockSink,
  options: VerityFileOptions,
): Promise<VerityResult> {
  const { dataBytes, written, workers } = options;
  const builder = new VerityBuilder(sink, options);
  const format = verityFormat(options);
  const blockCount = countDataBlocks(format, dataBytes);
  const file = { path: dataPath, blockCount, ...(written === undefined ? {} : { written }) };
  for await (const stripe of hashStripes(file, format, workers)) {
    if (stripe.slots === undefined) builder.updateZeros(stripe.blockCount * format.dataBlockBytes);
    else builder.updateDigests(stripe.slots);
  }
  return builder.finish();
}

export interface VerifyFileOptions extends Omit<VerifyOptions, 'hashImage'> {
  /** The file with the tree; by default, the file with the data. */
  readonly hashPath?: string;
  readonly workers?: number;
}

/** Verifies files as `verifyVerity` does, on several threads. */
export async function verifyVerityFile(
  dataPath: string,
  options: VerifyFileOptions,
): Promise<VerityParameters> {
  const { hashPath, workers, name = dataPath } = options;
  const data = FileImage.open(dataPath);
  const hashImage = hashPath === undefined || hashPath === dataPath ? data : FileImage.open(hashPath);
  try {
    const tree = openTree(data, { ...options, name, hashImage });
    tree.verifyLevels();
    const { parameters } = tree;
    const file = { path: dataPath, blockCount: parameters.dataBlockCount };
    for await (const { firstBlock, slots } of hashStripes(file, parameters, workers)) {
      if (slots !== undefined) tree.compareData(firstBlock, slots);
    }
    return parameters;
  } finally {
    data.close();
    if (hashImage !== data) hashImage.close();
  }
}
