/** Rows that assemble disks and upgrade archives from packed partitions. */
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { actionCommand, compressAndHash } from './build-rows.ts';
import {
  type DiskSpecification,
  diskOf,
  genimageText,
  partitionOffsetBytes,
  repartTexts,
  sfdiskText,
} from './disk.ts';
import { FAT_IMAGE_BYTES, ROOT_IMAGE_BYTES } from './inputs.ts';
import type { RootName } from './roots.ts';
import type { Bench, Facts, OwnContender, Peer, Row } from './row.ts';
import type { Run } from './run.ts';

const MEBIBYTE = 1024 ** 2;
const DISKS: Readonly<Record<RootName, DiskSpecification>> = {
  small: diskOf(1024, ROOT_IMAGE_BYTES.small / MEBIBYTE),
  large: diskOf(10 * 1024, ROOT_IMAGE_BYTES.large / MEBIBYTE),
};
const DISK = 'disk.img';
const TAR = 'disk.tar';
const ARCHIVE = `${TAR}.zst`;
const GZIP_ARCHIVE = `${TAR}.gz`;
const DISK_GUID = '2e8ee6d3-2d2f-4a8e-9f3c-3d1a5f6d1a11';

/** The disk rows of one root, with their inputs and their checks. */
export class DiskRows {
  readonly #bench: Bench;
  readonly #root: RootName;
  readonly #disk: DiskSpecification;

  constructor(bench: Bench, root: RootName) {
    this.#bench = bench;
    this.#root = root;
    this.#disk = DISKS[root];
  }

  #image(image: 'fat' | 'root'): string {
    const { inputs } = this.#bench;
    return image === 'fat' ? inputs.fatImage() : inputs.ext4(this.#root);
  }

  /**
   * Checks that every image is in its place, byte for byte, and that the partition table is valid.
   */
  #checkDisk(run: Run, path: string): Facts {
    const { peers } = this.#bench;
    run.untimed(peers.command('sfdisk', '--verify', path));
    const partitions = [
      ['fat', FAT_IMAGE_BYTES],
      ['root', ROOT_IMAGE_BYTES[this.#root]],
    ] as const;
    for (const [image, sizeBytes] of partitions) {
      const offset = `--ignore-initial=${partitionOffsetBytes(this.#disk, image)}:0`;
      run.untimed(peers.command('cmp', offset, `--bytes=${sizeBytes}`, path, this.#image(image)));
    }
    return { bytes: statSync(path).size };
  }

  #checkArchive(run: Run): Facts {
    const { peers } = this.#bench;
    const folder = run.path('unpacked');
    mkdirSync(folder);
    const tar = run.path('unpacked.tar');
    run.untimed(peers.command('zstd', '-dqf', run.path(ARCHIVE), '-o', tar));
    run.untimed(peers.command('tar', '-x', '-f', tar, '-C', folder));
    return this.#checkDisk(run, join(folder, DISK));
  }

  #options(): string[] {
    const { inputs } = this.#bench;
    return [
      `--layout=${inputs.layout(this.#root, this.#disk)}`,
      '--identity=//bench:disk',
      `--disk-guid=${DISK_GUID}`,
      `--partition=esp=${inputs.packed('fat')}`,
      `--partition=root=${inputs.packed(this.#root)}`,
    ];
  }

  #runOwn(output: string, option: string, ...more: string[]): OwnContender['run'] {
    return (run) =>
      run.timed(
        this.#bench.own.command('disk-image', ...this.#options(), `--${option}=${run.path(output)}`, ...more),
      );
  }

  #genimage(run: Run): void {
    const configuration = run.path('genimage.cfg');
    const [fat, root] = [this.#image('fat'), this.#image('root')];
    writeFileSync(
      configuration,
      genimageText(this.#disk, (image) => (image === 'fat' ? fat : root)),
    );
    const empty = run.path('empty');
    mkdirSync(empty);
    run.timed(
      this.#bench.peers.genimage(
        `--config=${configuration}`,
        `--rootpath=${empty}`,
        `--inputpath=${dirname(root)}`,
        `--outputpath=${run.folder}`,
        `--tmppath=${run.path('genimage.tmp')}`,
      ),
    );
  }

  #genimageTar(run: Run): string {
    this.#genimage(run);
    const tar = run.path(TAR);
    run.timed(this.#bench.peers.command('tar', '--sparse', '-c', '-f', tar, '-C', run.folder, DISK));
    return tar;
  }

  #repart(run: Run): void {
    const definitions = run.path('repart.d');
    mkdirSync(definitions);
    for (const [name, text] of repartTexts(this.#disk, (image) => this.#image(image))) {
      writeFileSync(join(definitions, name), text);
    }
    const options = ['--empty=create', '--dry-run=no', '--offline=yes', `--seed=${DISK_GUID}`];
    run.timed(
      this.#bench.peers.command(
        'systemd-repart',
        ...options,
        `--size=${this.#disk.sizeMib}M`,
        `--definitions=${definitions}`,
        run.path(DISK),
      ),
    );
  }

  #sfdisk(run: Run): void {
    const { peers } = this.#bench;
    const script = run.path('sfdisk.txt');
    writeFileSync(script, sfdiskText(this.#disk));
    const disk = run.path(DISK);
    run.timed(peers.command('truncate', `--size=${this.#disk.sizeMib}M`, disk));
    run.timed({ ...peers.command('sfdisk', '--quiet', disk), stdin: script });
    for (const { image, startMib } of this.#disk.partitions) {
      if (image === undefined) continue;
      const copying = [`if=${this.#image(image)}`, `of=${disk}`, 'bs=1M', `seek=${startMib}`];
      run.timed(peers.command('dd', ...copying, 'conv=sparse,notrunc'));
    }
  }

  /** The action of `disk_image`: both archives, each with a checksum file. */
  buildRow(): Row {
    const { peers } = this.#bench;
    return {
      name: 'disk',
      kind: 'build',
      root: this.#root,
      work: `disk of ${this.#disk.sizeMib / 1024} GiB from packed partitions (\`disk_image\`)`,
      ours: {
        title: 'disk-image',
        outputs: [ARCHIVE, GZIP_ARCHIVE],
        run: (run) => {
          const outputs = [`--zst=${run.path(ARCHIVE)}`, `--gz=${run.path(GZIP_ARCHIVE)}`];
          run.timed(actionCommand(this.#bench, run, 'disk-image', [...this.#options(), ...outputs]));
        },
        check: (run) => {
          run.untimed(peers.command('pigz', '-t', run.path(GZIP_ARCHIVE)));
          for (const archive of [ARCHIVE, GZIP_ARCHIVE]) {
            run.untimed(peers.command('sha256sum', '--check', '--strict', run.path(`${archive}.sha256`)));
          }
          return this.#checkArchive(run);
        },
      },
      peers: [
        {
          title: 'genimage, tar --sparse, zstd -T0 -3, pigz -6, sha256sum',
          // genimage syncs the raw disk; no peer syncs the archives.
          fsync: false,
          run: (run) => {
            const tar = this.#genimageTar(run);
            compressAndHash(peers, run, tar, [`${tar}.zst`, `${tar}.gz`]);
          },
          check: (run) => this.#checkArchive(run),
        },
      ],
    };
  }

  /** Only the `.tar.zst`, without its digest. */
  archiveRow(): Row {
    return {
      name: 'disk-archive-best-case',
      kind: 'best-case',
      root: this.#root,
      work: `disk of ${this.#disk.sizeMib / 1024} GiB from packed partitions, as .tar.zst`,
      ours: {
        title: 'disk-image --zst --no-checksum',
        outputs: [ARCHIVE],
        run: this.#runOwn(ARCHIVE, 'zst', '--no-checksum'),
        check: (run) => this.#checkArchive(run),
      },
      peers: [
        {
          title: 'genimage, tar --sparse, zstd -T0 -3',
          // genimage syncs the raw disk; no peer syncs the archive.
          fsync: false,
          goal: 0.03,
          run: (run) => {
            const tar = this.#genimageTar(run);
            run.timed(this.#bench.peers.command('zstd', '-T0', '-3', '-q', tar, '-o', run.path(ARCHIVE)));
          },
          check: (run) => this.#checkArchive(run),
        },
      ],
    };
  }

  /** The disk as a raw file with holes. */
  rawRow(): Row {
    const peer = (title: string, goal: number, fsync: boolean, run: (run: Run) => void): Peer => ({
      title,
      goal,
      fsync,
      run,
      check: (run) => this.#checkDisk(run, run.path(DISK)),
    });
    return {
      name: 'disk-raw-best-case',
      kind: 'best-case',
      root: this.#root,
      work: `disk of ${this.#disk.sizeMib / 1024} GiB from packed partitions, as a raw sparse file`,
      ours: {
        title: 'disk-image --raw',
        outputs: [DISK],
        run: this.#runOwn(DISK, 'raw'),
        check: (run) => this.#checkDisk(run, run.path(DISK)),
      },
      peers: [
        peer('genimage', 0.6, true, (run) => this.#genimage(run)),
        peer('systemd-repart, CopyBlocks', 0.95, true, (run) => this.#repart(run)),
        // sfdisk syncs its table; dd does not sync the data.
        peer('sfdisk, dd conv=sparse', 1.2, false, (run) => this.#sfdisk(run)),
      ],
    };
  }
}
