/** Volume groups and hash trees. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { subSource } from '../../../tools/lib/formats/block/block.ts';
import { openLogicalVolume, readVolumeGroup } from '../../../tools/lib/formats/lvm/lvm.ts';
import { parseMetadata } from '../../../tools/lib/formats/lvm/metadata-text.ts';
import { readVeritySuperblock, verifyVerity } from '../../../tools/lib/formats/verity/verity.ts';
import { runInKernel } from '../../../tools/lib/testing/kernel/test-kernel.ts';
import { realTool } from '../../../tools/lib/testing/real-tool.ts';
import { seedOf } from '../mutate.ts';
import { ContentMeter, type Target } from '../target.ts';

const PHYSICAL_VOLUME_BYTES = 12 << 20;
const PIECE_BYTES = 1 << 20;

/**
 * Makes a group of two volumes with the real lvm2.
 *
 * @returns the physical volume, and the text of its metadata
 */
async function makeGroup(folder: string): Promise<{ image: Buffer; text: Buffer }> {
  const path = join(folder, 'pv');
  writeFileSync(path, Buffer.alloc(PHYSICAL_VOLUME_BYTES));
  const { output, status } = await runInKernel({
    disks: [{ path, writable: true }],
    script: `
      load dm-mod
      lvm() {
        command=$1
        shift
        tool lvm "$command" --config 'devices { use_devicesfile = 0 } activation { udev_sync = 0 udev_rules = 0 }' "$@"
      }
      lvm pvcreate -q --metadatacopies 2 --metadatasize 512k /dev/ubda >/tmp/log
      lvm vgcreate -q -s 1m --addtag made group /dev/ubda >>/tmp/log
      lvm lvcreate -q -an -Zn -Wn -L 2M -n first group >>/tmp/log
      lvm lvcreate -q -an -Zn -Wn -L 1M -n second group >>/tmp/log
      lvm lvextend -q -L +3M group/first >>/tmp/log
      lvm vgcfgbackup -q -f /tmp/text group >>/tmp/log
      cat /tmp/text`,
  });
  if (status !== 0) throw new Error(`lvm2 made no volume group: ${output.toString()}`);
  return { image: readFileSync(path), text: output.subarray(output.indexOf('contents =')) };
}

const DATA_BYTES = 200 * 4096;
const ROOT_HASH = /Root hash:\s*([0-9a-f]+)/;
const rootHashes = new Map<string, string>();

/** Makes an image of data and their hash tree with the real veritysetup. */
function veritySeed(folder: string, name: string, options: readonly string[]) {
  const path = join(folder, name);
  writeFileSync(path, Buffer.alloc(DATA_BYTES, 'verity'));
  const blocks = ['--data-blocks=200', `--hash-offset=${DATA_BYTES}`, '--salt=00ff', ...options];
  const text = execFileSync(realTool('veritysetup', 'cryptsetup-bin'), ['format', ...blocks, path, path], {
    encoding: 'utf8',
  });
  rootHashes.set(name, ROOT_HASH.exec(text)?.[1] ?? '');
  return seedOf(name, readFileSync(path));
}

export const VOLUMES: readonly Target[] = [
  {
    name: 'lvm',
    seeds: async (folder) => [seedOf('lvm2', (await makeGroup(folder)).image)],
    read(source) {
      const found = readVolumeGroup([{ name: 'pv', source }]);
      const meter = new ContentMeter();
      for (const { name } of found.group.logicalVolumes) {
        const volume = openLogicalVolume(found, name);
        for (let offset = 0; offset < volume.sizeBytes; offset += PIECE_BYTES) {
          if (!meter.take(volume.read(offset, Math.min(PIECE_BYTES, volume.sizeBytes - offset)))) break;
        }
      }
    },
  },
  {
    name: 'lvm metadata',
    seeds: async (folder) => [seedOf('lvm2', (await makeGroup(folder)).text)],
    read: (source) =>
      void parseMetadata(Buffer.from(source.read(0, source.sizeBytes)).toString('latin1'), 'metadata'),
  },
  {
    name: 'verity',
    seeds: (folder) => [veritySeed(folder, 'sha256', [])],
    read(source) {
      readVeritySuperblock(source, DATA_BYTES);
      verifyVerity(subSource(source, 0, source.sizeBytes), {
        hashOffsetBytes: DATA_BYTES,
        rootHash: rootHashes.get('sha256') ?? '',
      });
    },
  },
];
