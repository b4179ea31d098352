/** Runs lvm2 itself for tests, in a separate kernel. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlockSink, BlockSource } from '../../formats/block/block.ts';
import { FileImage } from '../../formats/block/file.ts';
import type { NamedSource } from '../../formats/lvm/reader.ts';
import type { VolumeGroupImage } from '../../formats/lvm/writer.ts';
import { runInKernel } from '../kernel/test-kernel.ts';

/** Uses no configuration of the host, no daemons and no udev, and only the disks of the test. */
const CONFIGURATION = [
  'devices { use_devicesfile=0 global_filter=["a|^/dev/ubd|", "r|.*|"] scan=["/dev"] }',
  'global { use_lvmlockd=0 use_lvmpolld=0 }',
  'activation { udev_sync=0 udev_rules=0 monitoring=0 }',
  'backup { backup=0 archive=0 }',
].join(' ');

const FUNCTIONS = `
load dm-mod
lvm() {
  command=$1
  shift
  tool lvm "$command" --config '${CONFIGURATION}' "$@" 2>/tmp/stderr || { cat /tmp/stderr; return 1; }
}
`;

/** Disks that are deleted after the test. */
export class Disks {
  readonly #folder = mkdtempSync(join(tmpdir(), 'lvm-'));
  readonly #images: FileImage[] = [];

  path(name: string): string {
    return join(this.#folder, name);
  }

  create(name: string, sizeBytes: number): FileImage {
    const image = FileImage.create(this.path(name), sizeBytes);
    this.#images.push(image);
    return image;
  }

  open(name: string): NamedSource & { readonly source: FileImage } {
    const source = FileImage.open(this.path(name));
    this.#images.push(source);
    return { name, source };
  }

  remove(): void {
    for (const image of this.#images) image.close();
    rmSync(this.#folder, { recursive: true });
  }

  /**
   * Runs a shell script with `lvm COMMAND` on `/dev/ubda`, `/dev/ubdb`, ... and returns its output.
   */
  async lvm(
    names: readonly string[],
    script: string,
    files: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const disks = names.map((name) => ({ path: this.path(name), writable: true }));
    const { output, status } = await runInKernel({ disks, files, script: FUNCTIONS + script });
    if (status !== 0) throw new Error(`lvm2 in the kernel: exit status ${status}:\n${output}`);
    return output.toString();
  }
}

export function sha256(source: BlockSource): string {
  return createHash('sha256').update(source.read(0, source.sizeBytes)).digest('hex');
}

/** Writes all metadata, and the content of each logical volume that `contents` has. */
export function writeGroup(
  { physicalVolumes, logicalVolumes }: VolumeGroupImage,
  sinks: readonly BlockSink[],
  contents: Readonly<Record<string, Uint8Array>> = {},
): void {
  for (const [index, { metadata }] of physicalVolumes.entries()) {
    for (const { offsetBytes, bytes } of metadata) sinks[index]?.write(offsetBytes, bytes);
  }
  for (const { name, ranges } of logicalVolumes) {
    const content = contents[name] ?? new Uint8Array(0);
    for (const { offsetBytes, lengthBytes, physicalVolume, physicalOffsetBytes } of ranges) {
      sinks[physicalVolume]?.write(
        physicalOffsetBytes,
        content.subarray(offsetBytes, offsetBytes + lengthBytes),
      );
    }
  }
}
