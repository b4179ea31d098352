import { hash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runInKernel } from '../../testing/kernel/test-kernel.ts';
import { sampleData, writeImage } from '../../testing/verity/fixture.ts';
import type { VerityFormatOptions } from './verity.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'verity-kernel-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const BAD_BLOCK = 77;
const BLOCK_COUNT = 200;

function md5(bytes: Buffer): string {
  return hash('md5', bytes, 'hex');
}

interface Disk {
  readonly path: string;
  readonly blockCount: number;
  readonly dataBytes: number;
  /** The table for `dmsetup create`, which describes the tree to the kernel. */
  readonly table: string;
}

/**
 * A disk with data and tree, and the table of the target in the form of
 * Documentation/admin-guide/device-mapper/verity.rst.
 */
function makeDisk(name: string, format: VerityFormatOptions, letter: string): Disk {
  const { hashAlgorithm = 'sha256', dataBlockBytes = 4096, hashBlockBytes = 4096, salt } = format;
  const path = join(folder, name);
  const data = sampleData(BLOCK_COUNT, dataBlockBytes);
  const rootHash = writeImage(path, data, { ...format, hashOffsetBytes: data.length });
  // A disk has whole sectors, and the tree ends with a block.
  const treeBlock = Math.ceil((data.length + 512) / hashBlockBytes);
  const device = `/dev/ubd${letter}`;
  const saltText = salt.length === 0 ? '-' : Buffer.from(salt).toString('hex');
  const table =
    `0 ${data.length / 512} verity 1 ${device} ${device} ${dataBlockBytes} ${hashBlockBytes} ` +
    `${BLOCK_COUNT} ${treeBlock} ${hashAlgorithm} ${rootHash} ${saltText}`;
  return { path, blockCount: BLOCK_COUNT, dataBytes: data.length, table };
}

describe('the kernel', () => {
  test('reads every block through trees of all kinds, and fails at exactly the bad block', async () => {
    const disks = [
      makeDisk('default', { salt: Buffer.alloc(32, 0xa5) }, 'a'),
      makeDisk('no-salt', { salt: Buffer.alloc(0) }, 'b'),
      makeDisk(
        'small-blocks',
        { salt: Buffer.alloc(256, 1), dataBlockBytes: 512, hashBlockBytes: 1024, hashAlgorithm: 'sha512' },
        'c',
      ),
      makeDisk('sha1', { salt: Buffer.alloc(5, 9), dataBlockBytes: 1024, hashAlgorithm: 'sha1' }, 'd'),
      makeDisk('damaged', { salt: Buffer.alloc(32, 0xa5) }, 'e'),
    ];
    const damaged = disks[4] as Disk;
    const bytes = readFileSync(damaged.path);
    bytes[BAD_BLOCK * 4096 + 100] = 1 ^ (bytes[BAD_BLOCK * 4096 + 100] ?? 0);
    writeFileSync(damaged.path, bytes);
    const { output, status } = await runInKernel({
      disks: disks.map(({ path }) => ({ path })),
      files: Object.fromEntries(disks.map(({ table }, index) => [`/tables/${index}`, `${table}\n`])),
      script: `
        load dm-mod dm-verity sha512
        mkdir -p /dev/mapper
        for number in 0 1 2 3 4; do
          tool dmsetup create --readonly --noudevsync v$number /tables/$number
          tool dmsetup mknodes v$number
        done
        for number in 0 1 2 3; do md5sum < /dev/mapper/v$number; done
        block=0
        while [ $block -lt ${BLOCK_COUNT} ]; do
          dd if=/dev/mapper/v4 of=/dev/null bs=4096 skip=$block count=1 iflag=direct 2>/tmp/error ||
            echo "bad $block: $(grep -o 'Input/output error' /tmp/error)"
          block=$((block + 1))
        done
        tool dmsetup status v4
      `,
    });
    expect([status, output.toString()]).toEqual([
      0,
      [
        ...disks
          .slice(0, 4)
          .map(({ path, dataBytes }) => `${md5(readFileSync(path).subarray(0, dataBytes))}  -`),
        `bad ${BAD_BLOCK}: Input/output error`,
        '0 1600 verity C -',
        '',
      ].join('\n'),
    ]);
  });

  test('opens the image with the parameters that veritysetup reads from the superblock', async () => {
    const path = join(folder, 'opened');
    const data = sampleData(BLOCK_COUNT);
    const rootHash = writeImage(path, data, { salt: Buffer.alloc(32, 3), hashOffsetBytes: data.length });
    const { output, status } = await runInKernel({
      disks: [{ path }],
      script: `
        load dm-mod dm-verity loop
        mkdir -p /dev/mapper /run/cryptsetup
        export DM_DISABLE_UDEV=1
        tool veritysetup open /dev/ubda root /dev/ubda ${rootHash} --hash-offset=${data.length}
        md5sum < /dev/mapper/root
      `,
    });
    expect([status, output.toString()]).toEqual([0, `${md5(data)}  -\n`]);
  });
});
