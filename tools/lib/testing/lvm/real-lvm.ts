/** lvm2 itself for tests, in a kernel of its own. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlockSink, BlockSource } from '../../formats/block/block.ts';
import { FileImage } from '../../formats/block/file.ts';
import type { NamedSource } from '../../formats/lvm/reader.ts';
import type { VolumeGroupImage } from '../../formats/lvm/writer.ts';
import { runInKernel } from '../kernel/test-kernel.ts';

/** Nothing of the host's configuration, no daemons, no udev; only the disks that the test gives. */
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

/** Disks that are thrown away after the test. */
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

  /** Runs lines of shell with `lvm COMMAND` over `/dev/ubda`, `/dev/ubdb`, ... and gives what they wrote. */
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

/** Bytes that no other place has: the output of SHAKE256, of any length. */
export function noise(lengthBytes: number, seed: string): Buffer {
  return createHash('shake256', { outputLength: lengthBytes }).update(seed).digest();
}

export function sha256(source: BlockSource): string {
  return createHash('sha256').update(source.read(0, source.sizeBytes)).digest('hex');
}

/** Writes all metadata, and into each logical volume the content of its name, from its first byte on. */
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
