/**
 * Rows that run the same commands as the partition rules (rules/private/packed_partition.bzl):
 * layers in zstd, a list of all entries, a hash tree, both compressions, and a digest. The peers do
 * the same work, one program after another.
 */
import { writeFileSync } from 'node:fs';
import { checkErofs, checkExt4, checkFat, type FileSystemCheck, unpackPartition } from './checks.ts';
import {
  BLOCK_BYTES,
  FAT_IMAGE_BYTES,
  fatCommands,
  mke2fsArguments,
  mke2fsSize,
  ROOT_IMAGE_BYTES,
} from './inputs.ts';
import type { PeerTools } from './peers.ts';
import { ROOT_NAMES, type RootName } from './roots.ts';
import type { Bench, OwnContender, Peer, Row } from './row.ts';
import type { Command, Run } from './run.ts';
import { SALT, TREE_UUID } from './verity.ts';

const BASE = 'partition';
const PEER_IMAGE = 'peer.img';
const ROOT_HASH = 'root-hash';

interface Partition {
  readonly tool: string;
  readonly layer: () => string;
  readonly sizeBytes: number;
  readonly label: string;
  /** Whether a hash tree follows the file system. */
  readonly verity: boolean;
  /** Options of the format, in addition to those of all partitions. */
  readonly more: readonly string[];
  readonly check: FileSystemCheck;
}

/** The parameter file that the rule writes, with the outputs in the run's directory. */
function parameters(partition: Partition, run: Run): string[] {
  const output = (suffix: string) => run.path(`${BASE}${suffix}`);
  return [
    `--layer=${partition.layer()}`,
    `--size=${partition.sizeBytes}`,
    `--label=${partition.label}`,
    `--identity=//bench:${partition.tool}`,
    '--zstd-level=3',
    '--gzip-level=6',
    `--zst=${output('.img.zst')}`,
    `--gz=${output('.img.gz')}`,
    `--index=${output('.json')}`,
    `--entries=${output('.entries.json')}`,
    ...(partition.verity ? [`--root-hash=${run.path(ROOT_HASH)}`, '--verity'] : []),
    ...partition.more,
  ];
}

/** The command that a rule's action runs: the tool with a parameter file. */
export function actionCommand({ own }: Bench, run: Run, tool: string, lines: readonly string[]): Command {
  const file = run.path('parameters');
  writeFileSync(file, `${lines.join('\n')}\n`);
  return own.command(tool, `@${file}`);
}

function verifyTree(peers: PeerTools, run: Run, image: string, { sizeBytes }: Partition): void {
  const place = [`--hash-offset=${sizeBytes}`, `--root-hash-file=${run.path(ROOT_HASH)}`];
  run.untimed(peers.command('veritysetup', 'verify', ...place, image, image));
}

function ownPartition(bench: Bench, partition: Partition): OwnContender {
  const { peers } = bench;
  return {
    title: partition.tool,
    outputs: ['.img.zst', '.img.gz', '.json', '.entries.json'].map((suffix) => `${BASE}${suffix}`),
    run: (run) => run.timed(actionCommand(bench, run, partition.tool, parameters(partition, run))),
    check: (run) => {
      const image = unpackPartition(peers, run, BASE);
      if (partition.verity) verifyTree(peers, run, image, partition);
      return partition.check(peers, run, image);
    },
  };
}

/** Compresses a file with zstd and with gzip, and computes the digests of the `hashed` files. */
export function compressAndHash(peers: PeerTools, run: Run, file: string, hashed: readonly string[]): void {
  run.timed(peers.command('zstd', '-T0', '-3', '-q', file, '-o', `${file}.zst`));
  run.timed(peers.command('pigz', '-6', '-k', '-n', file));
  run.timed(peers.command('sha256sum', ...hashed));
}

function peerPartition(
  peers: PeerTools,
  title: string,
  partition: Partition,
  write: (run: Run, image: string) => void,
): Peer {
  return {
    title: [title, ...(partition.verity ? ['veritysetup'] : []), 'zstd -T0 -3', 'pigz -6', 'sha256sum'].join(
      ', ',
    ),
    // mke2fs and veritysetup sync the raw image; no peer syncs the outputs.
    fsync: false,
    run: (run) => {
      const image = run.path(PEER_IMAGE);
      write(run, image);
      if (partition.verity) {
        const tree = [
          `--salt=${SALT}`,
          `--uuid=${TREE_UUID}`,
          `--data-blocks=${partition.sizeBytes / BLOCK_BYTES}`,
          `--hash-offset=${partition.sizeBytes}`,
          `--root-hash-file=${run.path(ROOT_HASH)}`,
        ];
        run.timed(peers.command('veritysetup', 'format', ...tree, image, image));
      }
      compressAndHash(peers, run, image, [image]);
    },
    check: (run) => {
      const image = run.path(PEER_IMAGE);
      if (partition.verity) verifyTree(peers, run, image, partition);
      return partition.check(peers, run, image);
    },
  };
}

/** Decompresses the layer, because no peer reads zstd. */
function decompress(peers: PeerTools, run: Run, layer: string): string {
  const tar = run.path('layer.tar');
  run.timed(peers.command('zstd', '-dq', layer, '-o', tar));
  return tar;
}

/** A file system of the root: its rule's tool, and the peer that writes the same from a tar. */
interface RootFormat {
  readonly name: string;
  readonly work: string;
  readonly tool: string;
  readonly check: FileSystemCheck;
  readonly peer: string;
  readonly write: (root: RootName, tar: string, image: string) => readonly PeerCommand[];
}

type PeerCommand = readonly [program: string, ...args: string[]];

const ROOT_FORMATS: readonly RootFormat[] = [
  {
    name: 'ext4',
    work: 'root partition in ext4 (`ext4_partition`)',
    tool: 'ext4-image',
    check: checkExt4,
    peer: 'zstd -d, mke2fs -d FILE.tar',
    write: (root, tar, image) => [['mke2fs', ...mke2fsArguments(), '-d', tar, image, mke2fsSize(root)]],
  },
  {
    name: 'erofs',
    work: 'root partition in EROFS, uncompressed (`erofs_partition`)',
    tool: 'erofs-image',
    check: checkErofs,
    peer: 'zstd -d, mkfs.erofs --tar=f',
    write: (root, tar, image) => [
      ['mkfs.erofs', '--quiet', '--tar=f', image, tar],
      ['truncate', `--size=${ROOT_IMAGE_BYTES[root]}`, image],
    ],
  },
];

function rootRow(bench: Bench, root: RootName, format: RootFormat): Row {
  const { peers, inputs } = bench;
  const { name, work, tool, check, peer, write } = format;
  const layer = () => inputs.layer(root);
  const sizeBytes = ROOT_IMAGE_BYTES[root];
  const partition: Partition = { tool, layer, sizeBytes, label: 'root', verity: true, more: [], check };
  return {
    name,
    kind: 'build',
    root,
    work,
    ours: ownPartition(bench, partition),
    peers: [
      peerPartition(peers, peer, partition, (run, image) => {
        const tar = decompress(peers, run, layer());
        for (const command of write(root, tar, image)) run.timed(peers.command(...command));
      }),
    ],
  };
}

function fatRow(bench: Bench): Row {
  const { peers, inputs } = bench;
  const partition: Partition = {
    tool: 'vfat-image',
    layer: () => inputs.fatLayer(),
    sizeBytes: FAT_IMAGE_BYTES,
    label: '',
    verity: false,
    more: ['--type=fat16'],
    check: checkFat,
  };
  return {
    name: 'vfat',
    kind: 'build',
    root: 'small',
    work: 'FAT partition of 1,000 files, 50 MB (`vfat_partition`)',
    ours: ownPartition(bench, partition),
    peers: [
      peerPartition(peers, 'mkfs.vfat, mcopy -s', partition, (run, image) => {
        for (const command of fatCommands(peers, inputs.fatTree(), image)) run.timed(command);
      }),
    ],
  };
}

export function buildRows(bench: Bench): Row[] {
  return [
    fatRow(bench),
    ...ROOT_NAMES.flatMap((root) => ROOT_FORMATS.map((format) => rootRow(bench, root, format))),
  ];
}
