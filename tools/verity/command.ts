import { statSync } from 'node:fs';
import { UserError } from '../lib/formats/error/user-error.ts';
import { NIL_UUID } from '../lib/formats/uuid/uuid.ts';
import { formatVerity, verifyVerityFile } from '../lib/image/verity/verity-file.ts';
import { HashFile } from './hash-file.ts';
import type { TreeOptions } from './options.ts';

const DEFAULT_BLOCK_BYTES = 4096;
const DEFAULT_HASH = 'sha256';

/**
 * Returns the requested number of data blocks; by default, the number of all blocks before the
 * tree.
 */
function dataBlocks(dataPath: string, hashPath: string, tree: TreeOptions): number {
  if (tree.dataBlockCount !== undefined) return tree.dataBlockCount;
  const blockBytes = tree.format.dataBlockBytes ?? DEFAULT_BLOCK_BYTES;
  const { size } = statSync(dataPath);
  const dataBytes = hashPath === dataPath ? Math.min(size, tree.hashOffsetBytes) : size;
  if (dataBytes < blockBytes || (hashPath !== dataPath && dataBytes % blockBytes !== 0)) {
    throw new UserError(
      `${dataPath}: ${dataBytes} bytes of data are not whole blocks of ${blockBytes}: ` +
        'use --data-blocks or another --data-block-size',
    );
  }
  return Math.floor(dataBytes / blockBytes);
}

export interface Formatted {
  readonly rootHash: string;
  /** The parameters, in the form that veritysetup prints. */
  readonly report: string;
}

export async function format(dataPath: string, hashPath: string, tree: TreeOptions): Promise<Formatted> {
  const { superblock, hashOffsetBytes, workers } = tree;
  if (!tree.isSaltGiven) throw new UserError('--salt is missing: write one, or --salt=- for none');
  if (superblock && tree.uuid === undefined) throw new UserError('--uuid is missing');
  const uuid = tree.uuid ?? NIL_UUID;
  const blockCount = dataBlocks(dataPath, hashPath, tree);
  const dataBytes = blockCount * (tree.format.dataBlockBytes ?? DEFAULT_BLOCK_BYTES);
  if (hashPath === dataPath && hashOffsetBytes < dataBytes) {
    throw new UserError(
      `--hash-offset=${hashOffsetBytes}: the tree would overwrite the data, which has ${dataBytes} bytes: ` +
        'use an offset after it',
    );
  }
  const options = { ...tree.format, dataBytes, hashOffsetBytes, superblock, uuid };
  const hashFile = new HashFile(hashPath, options);
  try {
    const { rootHash } = await formatVerity(dataPath, hashFile, {
      ...options,
      ...(workers === undefined ? {} : { workers }),
    });
    return { rootHash, report: report(tree, blockCount, uuid, rootHash) };
  } finally {
    hashFile.close();
  }
}

function report(
  { format, superblock }: TreeOptions,
  blockCount: number,
  uuid: string,
  rootHash: string,
): string {
  const {
    hashAlgorithm = DEFAULT_HASH,
    dataBlockBytes = DEFAULT_BLOCK_BYTES,
    hashBlockBytes = DEFAULT_BLOCK_BYTES,
    salt,
  } = format;
  const lines: (readonly [string, string | number])[] = [
    ['UUID', superblock ? uuid : ''],
    ['Hash type', 1],
    ['Data blocks', blockCount],
    ['Data block size', dataBlockBytes],
    ['Hash block size', hashBlockBytes],
    ['Hash algorithm', hashAlgorithm],
    ['Salt', salt.length === 0 ? '-' : Buffer.from(salt).toString('hex')],
    ['Root hash', rootHash],
  ];
  return lines.map(([name, value]) => `${`${name}:`.padEnd(17)}\t${value}\n`).join('');
}

/** Verifies the data. @throws UserError that names the first bad block */
export async function verify(
  dataPath: string,
  hashPath: string,
  tree: TreeOptions,
  rootHash = '',
): Promise<void> {
  const { superblock, hashOffsetBytes, workers } = tree;
  await verifyVerityFile(dataPath, {
    hashPath,
    hashOffsetBytes,
    rootHash,
    ...(workers === undefined ? {} : { workers }),
    ...(superblock ? {} : { parameters: withoutSuperblock(dataPath, hashPath, tree) }),
  });
}

function withoutSuperblock(dataPath: string, hashPath: string, tree: TreeOptions) {
  return {
    hashAlgorithm: tree.format.hashAlgorithm ?? DEFAULT_HASH,
    dataBlockBytes: tree.format.dataBlockBytes ?? DEFAULT_BLOCK_BYTES,
    hashBlockBytes: tree.format.hashBlockBytes ?? DEFAULT_BLOCK_BYTES,
    salt: tree.format.salt,
    dataBlockCount: dataBlocks(dataPath, hashPath, tree),
  } as const;
}
