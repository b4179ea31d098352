/** Rows that make a file system of a tar or a folder. */
import { mkdirSync } from 'node:fs';
import { FAT_IMAGE_BYTES, fatCommands, mke2fsArguments, mke2fsSize, ROOT_IMAGE_BYTES } from './inputs.ts';
import type { PeerTools } from './peers.ts';
import { ROOT_NAMES, type RootName } from './roots.ts';
import type { Bench, Facts, OwnContender, Row } from './row.ts';
import type { Run } from './run.ts';

const EXT4 = 'root.ext4';
const EROFS = 'root.erofs';
const FAT = 'volume.fat';

/** The number that a checker's output has at the pattern's first group. */
function count(output: string, pattern: RegExp): number {
  const found = pattern.exec(output)?.[1];
  if (found === undefined) throw new Error(`the checker says nothing about ${pattern}: ${output.trim()}`);
  return Number(found);
}

function checkExt4(peers: PeerTools, run: Run): Facts {
  const said = run.untimed(peers.command('e2fsck', '-fn', run.path(EXT4)));
  return { inodes: count(said, /: (\d+)\/\d+ files/) };
}

function ownExt4({ own, peers }: Bench, root: RootName, tar: () => string): OwnContender {
  return {
    title: 'ext4-image --layer=FILE.tar --raw',
    outputs: [EXT4],
    run: (run) =>
      run.timed(
        own.command(
          'ext4-image',
          `--layer=${tar()}`,
          `--size=${ROOT_IMAGE_BYTES[root]}`,
          '--identity=bench',
          `--raw=${run.path(EXT4)}`,
        ),
      ),
    check: (run) => checkExt4(peers, run),
  };
}

function ext4Row(bench: Bench, root: RootName): Row {
  const { peers, inputs } = bench;
  const tar = () => inputs.tar(root);
  return {
    name: 'ext4',
    root,
    work: 'tar to ext4',
    ours: ownExt4(bench, root, tar),
    peers: [
      {
        title: 'mke2fs -d FILE.tar',
        fsync: true,
        goal: 0.22,
        run: (run) =>
          run.timed(
            peers.command('mke2fs', ...mke2fsArguments(), '-d', tar(), run.path(EXT4), mke2fsSize(root)),
          ),
        check: (run) => checkExt4(peers, run),
      },
      {
        title: 'cp FILE.tar',
        fsync: false,
        goal: 2.2,
        run: (run) => run.timed(peers.command('cp', tar(), run.path('copy.tar'))),
      },
    ],
  };
}

/** What the script fakeroot does: the daemon, and the programs with its library in front. */
async function unpackUnderFakeroot(peers: PeerTools, run: Run, tar: string, root: RootName): Promise<void> {
  const tree = run.path('tree');
  mkdirSync(tree);
  const daemon = await run.startTimed(peers.command('faked-sysv', '--foreground'));
  const [key = '', processId = ''] = daemon.output().trim().split(':');
  const unpacking = ['-x', '-p', '--numeric-owner', '--xattrs', '--xattrs-include=*', '-f', tar, '-C', tree];
  const making = [...mke2fsArguments(), '-d', tree, run.path(EXT4), mke2fsSize(root)];
  try {
    run.timed(peers.fakerootCommand(key, 'tar', ...unpacking));
    run.timed(peers.fakerootCommand(key, 'mke2fs', ...making));
  } finally {
    await run.stopTimed(daemon, Number(processId));
  }
}

/** A file of every Debian system. */
const LABELLED_FILE = '/usr/bin/dpkg';

/** Labels have arrived: what is not done is not to be measured. */
function checkLabelled(peers: PeerTools, run: Run): Facts {
  const request = `ea_get ${LABELLED_FILE} security.selinux`;
  const said = run.untimed(peers.command('debugfs', '-R', request, run.path(EXT4)));
  if (!said.includes('system_u:object_r:')) {
    throw new Error(`${LABELLED_FILE} has no label: ${said.trim().split('\n').at(-1)}`);
  }
  return checkExt4(peers, run);
}

function labelledRow(bench: Bench, root: RootName): Row {
  const { peers, inputs } = bench;
  const tar = () => inputs.labelledTar(root);
  return {
    name: 'ext4-labelled',
    root,
    work: 'tar to ext4, labelled and owned',
    ours: { ...ownExt4(bench, root, tar), check: (run) => checkLabelled(peers, run) },
    peers: [
      {
        title: 'fakeroot: tar -x, mke2fs -d DIR',
        fsync: true,
        goal: 0.08,
        run: (run) => unpackUnderFakeroot(peers, run, tar(), root),
        check: (run) => checkLabelled(peers, run),
      },
    ],
  };
}

function erofsRow({ own, peers, inputs }: Bench, root: RootName): Row {
  const tar = () => inputs.tar(root);
  const check = (run: Run): Facts => {
    run.untimed(peers.command('fsck.erofs', run.path(EROFS)));
    const said = run.untimed(peers.command('dump.erofs', '-s', run.path(EROFS)));
    return { inodes: count(said, /inode count:\s*(\d+)/) };
  };
  return {
    name: 'erofs',
    root,
    work: 'tar to EROFS, uncompressed',
    ours: {
      title: 'erofs-image --layer=FILE.tar --raw',
      outputs: [EROFS],
      run: (run) =>
        run.timed(
          own.command(
            'erofs-image',
            `--layer=${tar()}`,
            `--size=${ROOT_IMAGE_BYTES[root]}`,
            '--identity=bench',
            `--raw=${run.path(EROFS)}`,
          ),
        ),
      check,
    },
    peers: [
      {
        title: 'mkfs.erofs --tar=f',
        fsync: false,
        goal: 0.45,
        run: (run) => run.timed(peers.command('mkfs.erofs', '--quiet', '--tar=f', run.path(EROFS), tar())),
        check,
      },
    ],
  };
}

function fatRow({ own, peers, inputs }: Bench): Row {
  const check = (run: Run): Facts => {
    const said = run.untimed(peers.command('fsck.vfat', '-n', run.path(FAT)));
    return { files: count(said, /: (\d+) files/) };
  };
  return {
    name: 'vfat',
    root: 'small',
    work: 'vfat of 1,000 files, 50 MB',
    ours: {
      title: 'vfat-image --layer=FILE.tar --raw',
      outputs: [FAT],
      run: (run) =>
        run.timed(
          own.command(
            'vfat-image',
            `--layer=${inputs.fatTar()}`,
            `--size=${FAT_IMAGE_BYTES}`,
            '--type=fat16',
            '--identity=bench',
            `--raw=${run.path(FAT)}`,
          ),
        ),
      check,
    },
    peers: [
      {
        title: 'mkfs.vfat, mcopy -s',
        fsync: false,
        goal: 0.9,
        run: (run) => {
          for (const command of fatCommands(peers, inputs.fatTree(), run.path(FAT))) run.timed(command);
        },
        check,
      },
    ],
  };
}

/** In this order: unpacking leaves large trees behind, and comes last. */
export function fileSystemRows(bench: Bench): { first: Row[]; last: Row[] } {
  return {
    first: [fatRow(bench), ...ROOT_NAMES.flatMap((root) => [ext4Row(bench, root), erofsRow(bench, root)])],
    last: ROOT_NAMES.map((root) => labelledRow(bench, root)),
  };
}
