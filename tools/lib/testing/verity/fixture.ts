import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { MemoryImage } from '../../formats/block/block.ts';
import {
  VerityBuilder,
  type VerityFormat,
  type VerityOptions,
  verityHashBytes,
} from '../../formats/verity/verity.ts';
import { realTool } from '../real-tool.ts';

/** Data, trees in files, and the real tool, for tests of dm-verity. */

export const UUID = '0123abcd-4567-489a-8bcd-ef0123456789';
export const SALT = Buffer.from('00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff', 'hex');
export const DEFAULTS: VerityFormat = {
  hashAlgorithm: 'sha256',
  dataBlockBytes: 4096,
  hashBlockBytes: 4096,
  salt: SALT,
};

export function veritysetup(...args: string[]): string {
  return execFileSync(realTool('veritysetup', 'cryptsetup-bin'), args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Returns data whose blocks are unique, except some zero blocks. It is the same in every run. */
export function sampleData(blockCount: number, blockBytes = DEFAULTS.dataBlockBytes): Buffer {
  const data = Buffer.alloc(blockCount * blockBytes);
  for (let index = 0; index < blockCount; index += 1) {
    if (index % 11 === 5) continue;
    data.fill(hash('sha256', String(index), 'buffer'), index * blockBytes, (index + 1) * blockBytes);
  }
  return data;
}

/** Writes data and our tree, at `hashOffsetBytes`, to a new file, and returns the root hash. */
export function writeImage(
  path: string,
  data: Buffer,
  options: Omit<VerityOptions, 'dataBytes' | 'uuid'>,
): string {
  const dataBytes = data.length;
  const { hashOffsetBytes } = options;
  const sizeBytes = hashOffsetBytes + verityHashBytes(dataBytes, options) + (options.hashBlockBytes ?? 4096);
  const memory = new MemoryImage(sizeBytes);
  memory.write(0, data);
  const builder = new VerityBuilder(memory, { dataBytes, uuid: UUID, ...options });
  builder.update(data);
  const { rootHash, hashSizeBytes } = builder.finish();
  writeFileSync(path, memory.read(0, hashOffsetBytes + hashSizeBytes));
  return rootHash;
}

function formatArguments({ hashAlgorithm, dataBlockBytes, hashBlockBytes, salt }: VerityFormat): string[] {
  return [
    `--hash=${hashAlgorithm}`,
    `--data-block-size=${dataBlockBytes}`,
    `--hash-block-size=${hashBlockBytes}`,
    `--salt=${salt.length === 0 ? '-' : Buffer.from(salt).toString('hex')}`,
  ];
}

export interface TheirTree {
  readonly dataBlockCount: number;
  readonly hashOffsetBytes: number;
  readonly superblock?: boolean;
  /** The image with the tree. By default the image with the data. */
  readonly hashPath?: string;
}

/** Returns the arguments of `veritysetup format` and `verify` that follow the files. */
export function treeArguments(format: VerityFormat, tree: TheirTree): string[] {
  const { dataBlockCount, hashOffsetBytes, superblock = true } = tree;
  return [
    `--data-blocks=${dataBlockCount}`,
    `--hash-offset=${hashOffsetBytes}`,
    ...(superblock ? [] : ['--no-superblock']),
    ...formatArguments(format),
  ];
}

/**
 * Creates the tree of the data in `path`, in the same file, with veritysetup, and returns its root
 * hash.
 */
export function formatTheirs(path: string, format: VerityFormat, tree: TheirTree): string {
  const { hashPath = path, superblock = true } = tree;
  const output = veritysetup(
    'format',
    path,
    hashPath,
    ...treeArguments(format, tree),
    ...(superblock ? [`--uuid=${UUID}`] : []),
  );
  return /Root hash:\s+([0-9a-f]+)/.exec(output)?.[1] ?? '';
}

/** Returns an image of `bytes` with one bit changed. */
export function withDamage(bytes: Buffer, offsetBytes: number): MemoryImage {
  const image = new MemoryImage(bytes.length);
  image.write(0, bytes);
  image.write(offsetBytes, Uint8Array.of((bytes[offsetBytes] ?? 0) ^ 1));
  return image;
}
