import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BlockSource, MemoryImage } from '../../formats/block/block.ts';
import { FileImage } from '../../formats/block/file.ts';
import { realTool } from '../../testing/real-tool.ts';
import { temporaryFolder } from '../../testing/tar/archive.ts';
import { openPackedFiles, packImageFiles, readIndexFile } from './file.ts';
import {
  BLOCK_BYTES,
  type ByteRange,
  dataExtents,
  formatIndex,
  type PackedIndex,
  parseIndex,
} from './index.ts';
import { packImage } from './pack.ts';
import { RecordingSink } from './recording-sink.ts';
import { PackedSource, unpackImage } from './unpack.ts';

const folder = temporaryFolder();
const CHUNK_BYTES = 16 * BLOCK_BYTES;

interface Packed {
  readonly index: PackedIndex;
  readonly zst: Buffer;
  readonly gz: Buffer;
}

async function pack(source: BlockSource, written?: readonly (readonly [number, number])[]): Promise<Packed> {
  const parts = { zst: [] as Uint8Array[], gz: [] as Uint8Array[] };
  const sinks = {
    zst: (bytes: Uint8Array) => parts.zst.push(bytes),
    gz: (bytes: Uint8Array) => parts.gz.push(bytes),
  };
  const options = { chunkBytes: CHUNK_BYTES, ...(written === undefined ? {} : { written }) };
  const index = await packImage(source, sinks, options);
  return { index, zst: Buffer.concat(parts.zst), gz: Buffer.concat(parts.gz) };
}

function sourceOf(bytes: Uint8Array): BlockSource {
  return { sizeBytes: bytes.length, read: (offset, length) => bytes.slice(offset, offset + length) };
}

function all(source: BlockSource): Buffer {
  return Buffer.from(source.read(0, source.sizeBytes));
}

/** Arbitrary writes, of zeros and of data, anywhere in an image of 100 blocks. */
const IMAGE_BYTES = 100 * BLOCK_BYTES;
const anyWrites = fc.array(
  fc.record({
    offsetBytes: fc.integer({ min: 0, max: IMAGE_BYTES - 1 }),
    lengthBytes: fc.integer({ min: 0, max: 20 * BLOCK_BYTES }),
    byte: fc.constantFrom(0, 1, 255),
  }),
  { maxLength: 8 },
);

function written(writes: readonly { offsetBytes: number; lengthBytes: number; byte: number }[]) {
  const image = new MemoryImage(IMAGE_BYTES);
  const sink = new RecordingSink(image);
  for (const { offsetBytes, lengthBytes, byte } of writes) {
    sink.write(offsetBytes, Buffer.alloc(Math.min(lengthBytes, IMAGE_BYTES - offsetBytes), byte));
  }
  return { image, extents: sink.extents() };
}

describe('packing', () => {
  it('without gzip gives the same frames and an index that says so', async () => {
    const { image } = written([{ offsetBytes: 0, lengthBytes: IMAGE_BYTES, byte: 7 }]);
    const both = await pack(image);
    const parts: Uint8Array[] = [];
    const index = await packImage(image, { zst: (bytes) => parts.push(bytes) }, { chunkBytes: CHUNK_BYTES });
    expect(Buffer.concat(parts).equals(both.zst)).toBe(true);
    expect(index.chunks.map(({ gz }) => gz)).toEqual(index.chunks.map(() => undefined));
    expect(parseIndex(formatIndex(index), 'a.json')).toEqual(index);
    const mixed = { ...index, chunks: [both.index.chunks[0], ...index.chunks.slice(1)] } as PackedIndex;
    expect(() => parseIndex(formatIndex(mixed), 'a.json')).toThrow(
      'some chunks have gz frames and others have none',
    );
  });

  it('preserves every byte, and its digest is that of the raw image', async () => {
    await fc.assert(
      fc.asyncProperty(anyWrites, async (writes) => {
        const { image } = written(writes);
        const { index, zst } = await pack(image);
        const raw = all(image);
        expect(index.sha256).toBe(createHash('sha256').update(raw).digest('hex'));
        const unpacked = new MemoryImage(IMAGE_BYTES);
        await unpackImage(index, sourceOf(zst), 'a.zst', unpacked);
        expect(all(unpacked).equals(raw)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('without a digest has the same frames, and an index that can be read', async () => {
    const source = sourceOf(Buffer.alloc(IMAGE_BYTES, 'content'));
    const frames: Uint8Array[] = [];
    const options = { chunkBytes: CHUNK_BYTES, digest: false };
    const index = await packImage(source, { zst: (bytes) => frames.push(bytes) }, options);
    expect(parseIndex(formatIndex(index), 'index')).not.toHaveProperty('sha256');
    expect(Buffer.concat(frames).equals((await pack(source)).zst)).toBe(true);
  });

  it('gives the same files with and without known ranges of writes', async () => {
    await fc.assert(
      fc.asyncProperty(anyWrites, async (writes) => {
        const { image, extents } = written(writes);
        expect(await pack(image, extents)).toEqual(await pack(image));
      }),
      { numRuns: 50 },
    );
  });

  it('leaves out blocks of zeros, written or not, and chunks without data', async () => {
    const image = new MemoryImage(4 * CHUNK_BYTES);
    image.write(0, Buffer.alloc(3 * BLOCK_BYTES, 'x').fill(0, BLOCK_BYTES, 2 * BLOCK_BYTES));
    image.write(2 * CHUNK_BYTES - 1, Buffer.from('ab'));
    const { index } = await pack(image);
    expect(index.chunks.map(({ offsetBytes, extents }) => [offsetBytes, extents])).toEqual([
      [
        0,
        [
          [0, 4096],
          [8192, 4096],
        ],
      ],
      [CHUNK_BYTES, [[2 * CHUNK_BYTES - 4096, 4096]]],
      [2 * CHUNK_BYTES, [[2 * CHUNK_BYTES, 4096]]],
    ]);
    expect(dataExtents(index)).toEqual([
      [0, 4096],
      [8192, 4096],
      [2 * CHUNK_BYTES - 4096, 8192],
    ]);
  });

  it('of an image without data gives empty files', async () => {
    const { index, zst, gz } = await pack(new MemoryImage(CHUNK_BYTES));
    expect([index.chunks, zst.length, gz.length]).toEqual([[], 0, 0]);
  });

  it('of an image with a partial block at its end is refused', async () => {
    await expect(pack(new MemoryImage(1000))).rejects.toThrow('not a multiple of the block size');
  });

  it('reads only written ranges, and hashes the rest as zeros', async () => {
    const image = new MemoryImage(1 << 30);
    const sink = new RecordingSink(image);
    sink.write(1 << 29, Buffer.from('data'));
    let readBytes = 0;
    const counting = {
      sizeBytes: image.sizeBytes,
      read: (offset: number, length: number) => {
        readBytes += length;
        return image.read(offset, length);
      },
    };
    const { index } = await pack(counting, sink.extents());
    expect(readBytes).toBeLessThan(3 * BLOCK_BYTES);
    expect(index.chunks.length).toBe(1);
  });
});

describe('the three files', () => {
  it('can be read by zstd and gzip, whole and at the frames in the index', async () => {
    const image = new MemoryImage(64 * BLOCK_BYTES);
    for (let block = 0; block < 64; block += 3)
      image.write(block * BLOCK_BYTES, Buffer.alloc(4096 - block, `${block} `));
    const files = {
      zst: join(folder(), 'p.img.zst'),
      gz: join(folder(), 'p.img.gz'),
      index: join(folder(), 'p.json'),
    };
    const facts = {
      fileSystem: { type: 'ext4', label: 'root', uuid: '00000000-0000-0000-0000-000000000000' },
    };
    const index = await packImageFiles(image, files, { chunkBytes: CHUNK_BYTES, facts });
    expect(readIndexFile(files.index)).toEqual(index);
    expect(index.fileSystem).toEqual(facts.fileSystem);

    const data = Buffer.concat(dataExtents(index).map(([offset, length]) => image.read(offset, length)));
    expect(execFileSync(realTool('zstd', 'zstd'), ['-dc', files.zst]).equals(data)).toBe(true);
    expect(execFileSync(realTool('gzip', 'gzip'), ['-dc', files.gz]).equals(data)).toBe(true);
    for (const chunk of index.chunks) {
      const content = Buffer.concat(chunk.extents.map(([offset, length]) => image.read(offset, length)));
      for (const [key, tool] of [
        ['zst', 'zstd'],
        ['gz', 'gzip'],
      ] as const) {
        const [offset, length] = chunk[key] as ByteRange;
        const input = readFileSync(files[key]).subarray(offset, offset + length);
        expect(execFileSync(realTool(tool, tool), ['-dc'], { input }).equals(content)).toBe(true);
      }
    }
    const source = openPackedFiles(files);
    for (const [offset, length] of [
      [0, 1],
      [4095, 2],
      [CHUNK_BYTES - 10, 20],
      [0, 64 * BLOCK_BYTES],
    ] as const) {
      expect(Buffer.from(source.read(offset, length)).equals(Buffer.from(image.read(offset, length)))).toBe(
        true,
      );
    }
    expect(() => source.read(64 * BLOCK_BYTES - 1, 2)).toThrow(RangeError);
  });

  it('unpack to a file that is sparse', async () => {
    const image = new MemoryImage(64 << 20);
    image.write(32 << 20, Buffer.from('middle'));
    const { index, zst } = await pack(image);
    const path = join(folder(), 'sparse.img');
    const file = FileImage.create(path, index.sizeBytes);
    await unpackImage(index, sourceOf(zst), 'a.zst', file);
    file.close();
    expect(statSync(path).blocks * 512).toBeLessThan(1 << 20);
    expect(createHash('sha256').update(readFileSync(path)).digest('hex')).toBe(index.sha256);
  });
});

describe('damaged files, and files that do not belong together, are refused:', () => {
  async function sample(): Promise<Packed> {
    const image = new MemoryImage(4 * CHUNK_BYTES);
    image.write(0, Buffer.alloc(3 * CHUNK_BYTES, 'some data '));
    return pack(image);
  }

  it('a compressed file of another size', async () => {
    const { index, zst } = await sample();
    expect(() => new PackedSource(index, sourceOf(zst.subarray(1)), 'a.zst')).toThrow('a.zst: ');
    await expect(
      unpackImage(index, sourceOf(Buffer.concat([zst, zst])), 'a.zst', new MemoryImage(1)),
    ).rejects.toThrow('the two files do not belong together');
  });

  it('a frame whose content is damaged', async () => {
    const { index, zst } = await sample();
    const damaged = Buffer.from(zst);
    damaged[20] = (damaged[20] ?? 0) ^ 1;
    expect(() => new PackedSource(index, sourceOf(damaged), 'a.zst').read(0, 1)).toThrow(
      'a.zst: the frame at 0 is damaged',
    );
    await expect(
      unpackImage(index, sourceOf(damaged), 'a.zst', new MemoryImage(index.sizeBytes)),
    ).rejects.toThrow('a.zst: offset 0');
  });

  it.each<[string, (index: Record<string, unknown>, chunk: Record<string, unknown>) => void, string]>([
    ['another version', (index) => (index['version'] = 2), 'version: expected 1, found 2'],
    [
      'a size that is not a multiple of the block size',
      (index) => (index['sizeBytes'] = 1000),
      'sizeBytes is not a multiple',
    ],
    ['a negative size', (index) => (index['sizeBytes'] = -4096), 'sizeBytes: expected a whole number'],
    [
      'an invalid digest',
      (index) => (index['sha256'] = 'x'),
      'sha256: expected a SHA-256 digest of 64 hexadecimal digits, found "x"',
    ],
    ['no chunks', (index) => delete index['chunks'], 'the key "chunks" is missing'],
    [
      'a chunk that is not aligned',
      (_index, chunk) => (chunk['offsetBytes'] = 4096),
      'the chunk at 4096 is not aligned',
    ],
    ['a chunk without extents', (_index, chunk) => (chunk['extents'] = []), 'has no extents'],
    [
      'an extent that is not aligned',
      (_index, chunk) => (chunk['extents'] = [[1, 4096]]),
      'the extent at 1 is unaligned',
    ],
    [
      'an extent outside its chunk',
      (_index, chunk) => (chunk['extents'] = [[CHUNK_BYTES, 4096]]),
      'is unaligned or out of order',
    ],
    [
      'extents out of order',
      (_index, chunk) =>
        (chunk['extents'] = [
          [4096, 4096],
          [0, 4096],
        ]),
      'out of order',
    ],
    [
      'a frame with a gap before it',
      (_index, chunk) => (chunk['zst'] = [1, 100]),
      'the zst frames do not follow one another directly',
    ],
    [
      'a range of strings',
      (_index, chunk) => (chunk['gz'] = ['0', '1']),
      'chunks[0].gz[0]: expected a whole number from 0 on, found "0"',
    ],
    [
      'a range of three numbers',
      (_index, chunk) => (chunk['zst'] = [0, 1, 2]),
      'chunks[0].zst: expected [offset, length]',
    ],
    [
      'a file system without a type',
      (index) => (index['fileSystem'] = {}),
      'fileSystem: the key "type" is missing',
    ],
    [
      'an extent past the end',
      (index) => (index['sizeBytes'] = 4096),
      'an extent extends past the end of the image',
    ],
  ])('an index with %s', async (_what, change, message) => {
    const { index } = await sample();
    const copy = JSON.parse(formatIndex(index)) as Record<string, unknown> & {
      chunks: Record<string, unknown>[];
    };
    change(copy, copy.chunks[0] ?? {});
    const path = join(folder(), 'bad.json');
    writeFileSync(path, JSON.stringify(copy));
    expect(() => readIndexFile(path)).toThrow(`${path}: not the index of a packed partition: `);
    expect(() => readIndexFile(path)).toThrow(message);
  });

  it('an index that is not JSON', () => {
    expect(() => parseIndex('{', 'a.json')).toThrow(
      'a.json: not the index of a packed partition: not JSON: ',
    );
    expect(() => parseIndex('null', 'a.json')).toThrow('expected an object, found null');
  });
});

describe('a recording sink', () => {
  it('joins ranges that touch or overlap, in any order', () => {
    const sink = new RecordingSink(new MemoryImage(1000));
    for (const [offset, length] of [
      [10, 5],
      [15, 5],
      [500, 10],
      [100, 50],
      [120, 10],
      [18, 2],
      [0, 0],
    ] as const) {
      sink.write(offset, Buffer.alloc(length));
    }
    expect(sink.extents()).toEqual([
      [10, 10],
      [100, 50],
      [500, 10],
    ]);
  });
});
