/** Writes the inode tables of all groups, in ascending order of inode numbers. */
import type { BlockSink } from '../block/block.ts';
import { BLOCK_BYTES, type Geometry } from './geometry.ts';
import { INODE_BYTES } from './inode.ts';

const WINDOW_BYTES = 1 << 20;

export class InodeTableWriter {
  readonly #sink: BlockSink;
  readonly #geometry: Geometry;
  readonly #window = new Uint8Array(WINDOW_BYTES);
  #startBytes = 0;
  #lengthBytes = 0;

  constructor(sink: BlockSink, geometry: Geometry) {
    this.#sink = sink;
    this.#geometry = geometry;
  }

  /** Returns 256 zero bytes for an inode. Numbers must ascend from call to call. */
  slot(inodeNumber: number): Uint8Array {
    const { inodesPerGroup, inodeTables } = this.#geometry;
    const group = Math.floor((inodeNumber - 1) / inodesPerGroup);
    const table = inodeTables[group] as number;
    const offsetBytes = table * BLOCK_BYTES + ((inodeNumber - 1) % inodesPerGroup) * INODE_BYTES;
    let position = offsetBytes - this.#startBytes;
    if (position < this.#lengthBytes || position + INODE_BYTES > WINDOW_BYTES) {
      this.flush();
      this.#startBytes = offsetBytes - (offsetBytes % BLOCK_BYTES);
      position = offsetBytes - this.#startBytes;
    }
    this.#lengthBytes = position + INODE_BYTES;
    return this.#window.subarray(position, this.#lengthBytes);
  }

  /** Writes whole blocks, so that free inodes after the last one do not show old data. */
  flush(): void {
    const paddedBytes = Math.ceil(this.#lengthBytes / BLOCK_BYTES) * BLOCK_BYTES;
    if (paddedBytes > 0) this.#sink.write(this.#startBytes, this.#window.subarray(0, paddedBytes));
    this.#window.fill(0, 0, this.#lengthBytes);
    this.#lengthBytes = 0;
  }
}
