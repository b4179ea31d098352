/** Best-case rows with one raw image as the input: hash trees and packing. */
import { readFileSync, statSync } from 'node:fs';
import { packCommand } from './inputs.ts';
import type { RootName } from './roots.ts';
import type { Bench, Facts, Row } from './row.ts';
import type { Run } from './run.ts';
import { SALT, TREE_UUID } from './verity.ts';

const TREE = 'hash-tree';
const PACKED = 'image.img.zst';

export function verityRow({ own, peers, inputs }: Bench, root: RootName): Row {
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
    name: 'verity-best-case',
    kind: 'best-case',
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

export function packRow({ own, peers, inputs }: Bench, root: RootName): Row {
  const image = () => inputs.ext4(root);
  return {
    name: 'pack-best-case',
    kind: 'best-case',
    root,
    work: 'packing an ext4 at zstd level 3',
    ours: {
      title: 'raw-image --zst --no-checksum',
      outputs: [PACKED, 'image.json'],
      run: (run) => run.timed(packCommand(own, image(), run.path('image'), '--no-checksum')),
      check: (run) => {
        run.untimed(peers.command('zstd', '-tq', run.path(PACKED)));
        return { bytes: statSync(run.path(PACKED)).size };
      },
    },
    peers: [
      {
        title: 'zstd -T0 -3',
        fsync: false,
        goal: 1,
        tolerance: { bytes: 1.02 },
        run: (run) => run.timed(peers.command('zstd', '-T0', '-3', '-q', image(), '-o', run.path(PACKED))),
        check: (run) => ({ bytes: statSync(run.path(PACKED)).size }),
      },
    ],
  };
}
