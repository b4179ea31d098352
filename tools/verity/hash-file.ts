import { closeSync, fstatSync, ftruncateSync, openSync } from 'node:fs';
import type { BlockSink } from '../lib/formats/block/block.ts';
import { naming, writeFully } from '../lib/formats/block/write.ts';
import { planTree, type VerityFormatOptions, verityFormat } from '../lib/formats/verity/verity.ts';

interface TreeInFile extends VerityFormatOptions {
  readonly dataBytes: number;
  readonly hashOffsetBytes: number;
  readonly superblock: boolean;
}

/**
 * The file that a tree is written to. It is created if absent; in an existing file only the tree's
 * range changes.
 */
export class HashFile implements BlockSink {
  readonly #path: string;
  readonly #descriptor: number;

  constructor(path: string, tree: TreeInFile) {
    this.#path = path;
    const format = verityFormat(tree);
    const { endBytes, levels } = planTree(format, tree.dataBytes / format.dataBlockBytes, tree);
    this.#descriptor = openForWriting(path);
    const status = fstatSync(this.#descriptor);
    if (status.isFile() && status.size < endBytes) this.#resize(endBytes);
    // An existing file may have any bytes between the superblock and the tree.
    const treeBytes = levels.at(-1)?.offsetBytes ?? endBytes;
    if (treeBytes > tree.hashOffsetBytes) {
      this.write(tree.hashOffsetBytes, new Uint8Array(treeBytes - tree.hashOffsetBytes));
    }
  }

  write(offsetBytes: number, bytes: Uint8Array): void {
    writeFully(this.#descriptor, this.#path, bytes, offsetBytes);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #resize(sizeBytes: number): void {
    try {
      ftruncateSync(this.#descriptor, sizeBytes);
    } catch (error) {
      throw naming(error, this.#path);
    }
  }
}

function openForWriting(path: string): number {
  try {
    return openSync(path, 'r+');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return openSync(path, 'wx+');
    throw error;
  }
}
