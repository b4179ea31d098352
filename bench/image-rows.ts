/** Rows that work on images: hash trees, packing, disks. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  type DiskSpecification,
  diskOf,
  genimageText,
  partitionOffsetBytes,
  repartTexts,
  sfdiskText,
} from './disk.ts';
import { FAT_IMAGE_BYTES, type Inputs, packCommand, ROOT_IMAGE_BYTES } from './inputs.ts';
import type { OwnTools } from './own-tools.ts';
import type { PeerTools } from './peers.ts';
import { ROOT_NAMES, type RootName } from './roots.ts';
import type { Bench, Facts, OwnContender, Peer, Row } from './row.ts';
import type { Run } from './run.ts';

const MEBIBYTE = 1024 ** 2;
const DISKS: Readonly<Record<RootName, DiskSpecification>> = {
  small: diskOf(1024, ROOT_IMAGE_BYTES.small / MEBIBYTE),
  large: diskOf(10 * 1024, ROOT_IMAGE_BYTES.large / MEBIBYTE),
};
const DISK = 'disk.img';
const ARCHIVE = 'disk.img.tar.zst';
const DISK_GUID = '2e8ee6d3-2d2f-4a8e-9f3c-3d1a5f6d1a11';
const TREE = 'hash-tree';
const TREE_UUID = '63271709-3b18-40db-969b-7bdfc3346940';
const SALT = '6b1f'.repeat(16);

function verityRow({ own, peers, inputs }: Bench, root: RootName): Row {
  const data = () => (root === 'large' ? inputs.fullImage() : inputs.ext4(root));
  const rootHash = (run: Run) => readFileSync(run.path('root-hash'), 'utf8').trim();
  const format = (run: Run, suffix = '') => [
    'format',
    `--salt=${SALT}`,
    `--uuid=${TREE_UUID}`,
    `--root-hash${suffix}=${run.path('root-hash')}`,
    data(),
    run.path(TREE),
  ];
  const check = (run: Run): Facts => {
    run.untimed(peers.command('veritysetup', 'verify', data(), run.path(TREE), rootHash(run)));
    return {};
  };
  return {
    name: 'verity',
    root,
    work: root === 'large' ? 'verity tree of 4 GiB without holes' : 'verity tree of an ext4 of 256 MiB',
    ours: {
      title: 'verity format',
      outputs: [TREE],
      run: (run) => run.timed(own.command('verity', ...format(run))),
      check,
    },
    peers: [
      {
        title: 'veritysetup format',
        fsync: true,
        goal: 0.6,
        run: (run) => run.timed(peers.command('veritysetup', ...format(run, '-file'))),
        check,
      },
    ],
  };
}

/** The peers compute no SHA-256; the rules have ours do, which is a row of its own without a goal. */
type Checksum = 'none' | 'sha256';

function checksumOptions(checksum: Checksum): string[] {
  return checksum === 'none' ? ['--no-checksum'] : [];
}

function withChecksum(name: string, checksum: Checksum): string {
  return checksum === 'none' ? name : `${name}-sha256`;
}

function packRow({ own, peers, inputs }: Bench, root: RootName, checksum: Checksum): Row {
  const image = () => inputs.ext4(root);
  const packed = 'image.img.zst';
  return {
    name: withChecksum('pack', checksum),
    root,
    work: `packing an ext4 at zstd level 3${checksum === 'none' ? '' : ', and its SHA-256'}`,
    ours: {
      title: 'raw-image --zst',
      outputs: [packed, 'image.json'],
      run: (run) => run.timed(packCommand(own, image(), run.path('image'), ...checksumOptions(checksum))),
      check: (run) => {
        run.untimed(peers.command('zstd', '-tq', run.path(packed)));
        return { bytes: statSync(run.path(packed)).size };
      },
    },
    peers: [
      {
        title: 'zstd -T0 -3',
        fsync: false,
        ...(checksum === 'none' ? { goal: 1 } : {}),
        tolerance: { bytes: 1.02 },
        run: (run) => run.timed(peers.command('zstd', '-T0', '-3', '-q', image(), '-o', run.path(packed))),
        check: (run) => ({ bytes: statSync(run.path(packed)).size }),
      },
    ],
  };
}

/** The disk rows of one root: what goes in, and what all of them check. */
class DiskRows {
  readonly #own: OwnTools;
  readonly #peers: PeerTools;
  readonly #inputs: Inputs;
  readonly #root: RootName;
  readonly #disk: DiskSpecification;

  constructor({ own, peers, inputs }: Bench, root: RootName) {
    this.#own = own;
    this.#peers = peers;
    this.#inputs = inputs;
    this.#root = root;
    this.#disk = DISKS[root];
  }

  #image(image: 'fat' | 'root'): string {
    return image === 'fat' ? this.#inputs.fatImage() : this.#inputs.ext4(this.#root);
  }

  /** Every image is in its place, byte for byte, and the partition table is whole. */
  #checkDisk(run: Run, path: string): Facts {
    run.untimed(this.#peers.command('sfdisk', '--verify', path));
    const partitions = [
      ['fat', FAT_IMAGE_BYTES],
      ['root', ROOT_IMAGE_BYTES[this.#root]],
    ] as const;
    for (const [image, sizeBytes] of partitions) {
      const offset = `--ignore-initial=${partitionOffsetBytes(this.#disk, image)}:0`;
      run.untimed(this.#peers.command('cmp', offset, `--bytes=${sizeBytes}`, path, this.#image(image)));
    }
    return { bytes: statSync(path).size };
  }

  #checkArchive(run: Run): Facts {
    const folder = run.path('unpacked');
    mkdirSync(folder);
    const tar = run.path('disk.tar');
    run.untimed(this.#peers.command('zstd', '-dqf', run.path(ARCHIVE), '-o', tar));
    run.untimed(this.#peers.command('tar', '-x', '-f', tar, '-C', folder));
    return this.#checkDisk(run, join(folder, DISK));
  }

  #runOwn(output: string, option: string, ...more: string[]): OwnContender['run'] {
    return (run) =>
      run.timed(
        this.#own.command(
          'disk-image',
          `--layout=${this.#inputs.layout(this.#root, this.#disk)}`,
          `--disk-guid=${DISK_GUID}`,
          `--partition=esp=${this.#inputs.packed('fat')}`,
          `--partition=root=${this.#inputs.packed(this.#root)}`,
          `--${option}=${run.path(output)}`,
          ...more,
        ),
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
      this.#peers.genimage(
        `--config=${configuration}`,
        `--rootpath=${empty}`,
        `--inputpath=${dirname(root)}`,
        `--outputpath=${run.folder}`,
        `--tmppath=${run.path('genimage.tmp')}`,
      ),
    );
  }

  #repart(run: Run): void {
    const definitions = run.path('repart.d');
    mkdirSync(definitions);
    for (const [name, text] of repartTexts(this.#disk, (image) => this.#image(image))) {
      writeFileSync(join(definitions, name), text);
    }
    const options = ['--empty=create', '--dry-run=no', '--offline=yes', `--seed=${DISK_GUID}`];
    run.timed(
      this.#peers.command(
        'systemd-repart',
        ...options,
        `--size=${this.#disk.sizeMib}M`,
        `--definitions=${definitions}`,
        run.path(DISK),
      ),
    );
  }

  #sfdisk(run: Run): void {
    const script = run.path('sfdisk.txt');
    writeFileSync(script, sfdiskText(this.#disk));
    const disk = run.path(DISK);
    run.timed(this.#peers.command('truncate', `--size=${this.#disk.sizeMib}M`, disk));
    run.timed({ ...this.#peers.command('sfdisk', '--quiet', disk), stdin: script });
    for (const { image, startMib } of this.#disk.partitions) {
      if (image === undefined) continue;
      const copying = [`if=${this.#image(image)}`, `of=${disk}`, 'bs=1M', `seek=${startMib}`];
      run.timed(this.#peers.command('dd', ...copying, 'conv=sparse,notrunc'));
    }
  }

  /** The disk as `.tar.zst`. */
  archiveRow(checksum: Checksum): Row {
    const { sizeMib } = this.#disk;
    return {
      name: withChecksum('disk-archive', checksum),
      root: this.#root,
      work: `disk of ${sizeMib / 1024} GiB from packed partitions, as .tar.zst${checksum === 'none' ? '' : ', and its SHA-256'}`,
      ours: {
        title: 'disk-image --zst',
        outputs: [ARCHIVE],
        run: this.#runOwn(ARCHIVE, 'zst', ...checksumOptions(checksum)),
        check: (run) => this.#checkArchive(run),
      },
      peers: [
        {
          title: 'genimage, tar --sparse, zstd -T0 -3',
          // genimage does, for the disk in between; nobody for the archive.
          fsync: false,
          ...(checksum === 'none' ? { goal: 0.03 } : {}),
          run: (run) => {
            this.#genimage(run);
            const tar = run.path('disk.tar');
            run.timed(this.#peers.command('tar', '--sparse', '-c', '-f', tar, '-C', run.folder, DISK));
            run.timed(this.#peers.command('zstd', '-T0', '-3', '-q', tar, '-o', run.path(ARCHIVE)));
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
      name: 'disk-raw',
      root: this.#root,
      work: 'the same as a raw sparse disk',
      ours: {
        title: 'disk-image --raw',
        outputs: [DISK],
        run: this.#runOwn(DISK, 'raw'),
        check: (run) => this.#checkDisk(run, run.path(DISK)),
      },
      peers: [
        peer('genimage', 0.6, true, (run) => this.#genimage(run)),
        peer('systemd-repart, CopyBlocks', 0.95, true, (run) => this.#repart(run)),
        // sfdisk brings its table to the disk, and dd none of the data.
        peer('sfdisk, dd conv=sparse', 1.2, false, (run) => this.#sfdisk(run)),
      ],
    };
  }
}

export function imageRows(bench: Bench): Row[] {
  return ROOT_NAMES.flatMap((root) => {
    const disks = new DiskRows(bench, root);
    return [
      verityRow(bench, root),
      packRow(bench, root, 'none'),
      packRow(bench, root, 'sha256'),
      disks.archiveRow('none'),
      disks.archiveRow('sha256'),
      disks.rawRow(),
    ];
  });
}
