import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Disks } from '../lib/testing/lvm/real-lvm.ts';
import {
  diskImage,
  ext4Image,
  flip,
  lines,
  MIB,
  makeTree,
  PASSWD,
  patch,
  run,
  temporaryFolder,
} from './testing/workbench.ts';

const disks = new Disks();
let volume: string;
let disk: string;

/** A physical volume made by lvm2, with a linear volume, and a volume of two segments around it. */
beforeAll(async () => {
  volume = disks.path('pv');
  disks.create('pv', 64 * MIB);
  const placed = await disks.lvm(
    ['pv'],
    `lvm pvcreate --pvmetadatacopies 2 /dev/ubda
     lvm vgcreate -s 1M store /dev/ubda
     lvm lvcreate -an -Zn -Wn -n parts -l 20 store
     lvm lvcreate -an -Zn -Wn -n root -l 16 store
     lvm lvextend -l 24 store/parts
     lvm pvs --noheadings --units b --nosuffix -o pe_start /dev/ubda
     lvm lvs --noheadings -o lv_name,seg_pe_ranges store`,
  );
  const [, firstByte] = /^ *(\d+) *$/m.exec(placed) ?? [];
  const [, firstExtent] = /root +\S+:(\d+)-\d+/.exec(placed) ?? [];
  expect(placed.match(/^ *parts /gm)).toHaveLength(2);
  const image = ext4Image(`${temporaryFolder()}/root.img`, makeTree(temporaryFolder()));
  patch(volume, Number(firstByte) + Number(firstExtent) * MIB, readFileSync(image));
  disk = diskImage(disks.path('disk.img'), 80, [
    {
      name: 'store',
      start: 1,
      size: 64,
      type: '8e00',
      uuid: 'aaaaaaaa-0000-4000-8000-000000000001',
      image: volume,
    },
  ]);
});

afterAll(() => {
  disks.remove();
});

describe('a volume group of lvm2', () => {
  test('is listed by inspect, with its file systems', async () => {
    const { content } = JSON.parse((await lines('inspect', '--json', disk)).join('\n'));
    const [partition] = content.parts;
    expect(partition.content).toMatchObject({
      format: 'lvm',
      facts: { volumeGroup: 'store', extentBytes: MIB, problems: [] },
    });
    expect(partition.content.parts).toMatchObject([
      { name: 'store/parts', sizeBytes: 24 * MIB, table: { segments: 2 } },
      { name: 'store/root', sizeBytes: 16 * MIB, table: { segments: 1 }, content: { format: 'ext4' } },
    ]);
  });

  test('is addressed as PARTITION/VG/LV', async () => {
    expect((await run('cat', disk, 'store/store/root:/etc/passwd')).stdout.toString()).toBe(PASSWD);
    expect((await run('cat', disk, '1/store/root:/etc/passwd')).stdout.toString()).toBe(PASSWD);
    expect((await run('cat', volume, 'store/root:/etc/passwd')).stdout.toString()).toBe(PASSWD);
    expect((await run('cat', disk, '/etc/passwd')).stdout.toString()).toBe(PASSWD);
    expect(await lines('ls', volume)).toEqual(['store/parts:', 'store/root:']);
  });

  test('is verified: a damaged copy of its metadata is named', async () => {
    expect((await lines('verify', disk)).every((line) => line.startsWith('ok '))).toBe(true);
    const path = disks.path('damaged.img');
    patch(path, 0, readFileSync(disk));
    // The last text of the first metadata area is the valid one.
    flip(
      path,
      readFileSync(disk)
        .subarray(0, 2 * MIB)
        .lastIndexOf('seqno'),
    );
    expect((await run('verify', path)).error).toMatch(/store: metadata area at byte 4096/);
  });

  test('differs if a volume differs', async () => {
    const path = disks.path('other.img');
    patch(path, 0, readFileSync(disk));
    const at = readFileSync(disk).indexOf(Buffer.from(PASSWD));
    patch(path, at, Buffer.from('ROOT'));
    const { status, stdout } = await run('diff', disk, path);
    expect(status).toBe(1);
    expect(stdout.toString()).toMatch(
      /^M store\/store\/root:\/etc\/passwd \(sha256 [0-9a-f]{12} -> [0-9a-f]{12}\)\n$/,
    );
  });
});
