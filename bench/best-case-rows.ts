/**
 * Rows that write a file system from a plain tar or a directory, without a list of entries: the
 * tool's best case, in which threads copy the content directly from the tar. No rule runs these
 * commands.
 */
import { mkdirSync } from 'node:fs';
import { checkErofs, checkExt4, checkFat, type FileSystemCheck } from './checks.ts';
import { FAT_IMAGE_BYTES, fatCommands, mke2fsArguments, mke2fsSize, ROOT_IMAGE_BYTES } from './inputs.ts';
import type { PeerTools } from './peers.ts';
import { ROOT_NAMES, type RootName } from './roots.ts';
import type { Bench, Facts, OwnContender, Row } from './row.ts';
import type { Run } from './run.ts';

const IMAGE = 'image.raw';

function ownImage(
  { own, peers }: Bench,
  tool: string,
  tar: () => string,
  options: readonly string[],
  check: FileSystemCheck,
): OwnContender {
  return {
    title: `${tool} --layer=FILE.tar --raw`,
    outputs: [IMAGE],
    run: (run) =>
      run.timed(
        own.command(tool, `--layer=${tar()}`, ...options, '--identity=bench', `--raw=${run.path(IMAGE)}`),
      ),
    check: (run) => check(peers, run, run.path(IMAGE)),
  };
}

function ownExt4(bench: Bench, root: RootName, tar: () => string, check: FileSystemCheck): OwnContender {
  return ownImage(bench, 'ext4-image', tar, [`--size=${ROOT_IMAGE_BYTES[root]}`], check);
}

function ext4Row(bench: Bench, root: RootName): Row {
  const { peers, inputs } = bench;
  const tar = () => inputs.tar(root);
  return {
    name: 'ext4-best-case',
    kind: 'best-case',
    root,
    work: 'tar to ext4',
    ours: ownExt4(bench, root, tar, checkExt4),
    peers: [
      {
        title: 'mke2fs -d FILE.tar',
        fsync: true,
        goal: 0.22,
        run: (run) =>
          run.timed(
            peers.command('mke2fs', ...mke2fsArguments(), '-d', tar(), run.path(IMAGE), mke2fsSize(root)),
          ),
        check: (run) => checkExt4(peers, run, run.path(IMAGE)),
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

/**
 * Starts fakeroot's daemon, and then the programs with its library preloaded, as the script
 * fakeroot does.
 */
async function unpackUnderFakeroot(peers: PeerTools, run: Run, tar: string, root: RootName): Promise<void> {
  const tree = run.path('tree');
  mkdirSync(tree);
  const daemon = await run.startTimed(peers.command('faked-sysv', '--foreground'));
  const [key = '', processId = ''] = daemon.output().trim().split(':');
  const unpacking = ['-x', '-p', '--numeric-owner', '--xattrs', '--xattrs-include=*', '-f', tar, '-C', tree];
  const making = [...mke2fsArguments(), '-d', tree, run.path(IMAGE), mke2fsSize(root)];
  try {
    run.timed(peers.fakerootCommand(key, 'tar', ...unpacking));
    run.timed(peers.fakerootCommand(key, 'mke2fs', ...making));
  } finally {
    await run.stopTimed(daemon, Number(processId));
  }
}

/** A file that every Debian system has. */
const LABELLED_FILE = '/usr/bin/dpkg';

/** Also checks that the labels are in the image: a contender without labels would do less work. */
const checkLabelled: FileSystemCheck = (peers, run, path): Facts => {
  const request = `ea_get ${LABELLED_FILE} security.selinux`;
  const output = run.untimed(peers.command('debugfs', '-R', request, path));
  if (!output.includes('system_u:object_r:')) {
    throw new Error(`${LABELLED_FILE} has no label: ${output.trim().split('\n').at(-1)}`);
  }
  return checkExt4(peers, run, path);
};

function labelledRow(bench: Bench, root: RootName): Row {
  const { peers, inputs } = bench;
  const tar = () => inputs.labelledTar(root);
  return {
    name: 'ext4-labelled-best-case',
    kind: 'best-case',
    root,
    work: 'tar to ext4, labelled and owned',
    ours: ownExt4(bench, root, tar, checkLabelled),
    peers: [
      {
        title: 'fakeroot: tar -x, mke2fs -d DIR',
        fsync: true,
        goal: 0.08,
        run: (run) => unpackUnderFakeroot(peers, run, tar(), root),
        check: (run) => checkLabelled(peers, run, run.path(IMAGE)),
      },
    ],
  };
}

function erofsRow(bench: Bench, root: RootName): Row {
  const { peers, inputs } = bench;
  const tar = () => inputs.tar(root);
  return {
    name: 'erofs-best-case',
    kind: 'best-case',
    root,
    work: 'tar to EROFS, uncompressed',
    ours: ownImage(bench, 'erofs-image', tar, [`--size=${ROOT_IMAGE_BYTES[root]}`], checkErofs),
    peers: [
      {
        title: 'mkfs.erofs --tar=f',
        fsync: false,
        goal: 0.45,
        run: (run) => run.timed(peers.command('mkfs.erofs', '--quiet', '--tar=f', run.path(IMAGE), tar())),
        check: (run) => checkErofs(peers, run, run.path(IMAGE)),
      },
    ],
  };
}

function fatRow(bench: Bench): Row {
  const { peers, inputs } = bench;
  const options = [`--size=${FAT_IMAGE_BYTES}`, '--type=fat16'];
  return {
    name: 'vfat-best-case',
    kind: 'best-case',
    root: 'small',
    work: 'vfat of 1,000 files, 50 MB',
    ours: ownImage(bench, 'vfat-image', () => inputs.fatTar(), options, checkFat),
    peers: [
      {
        title: 'mkfs.vfat, mcopy -s',
        fsync: false,
        goal: 0.9,
        run: (run) => {
          for (const command of fatCommands(peers, inputs.fatTree(), run.path(IMAGE))) run.timed(command);
        },
        check: (run) => checkFat(peers, run, run.path(IMAGE)),
      },
    ],
  };
}

/**
 * The labelled rows come last, because unpacking leaves large trees that slow down the next row.
 */
export function bestCaseRows(bench: Bench): { first: Row[]; last: Row[] } {
  return {
    first: [fatRow(bench), ...ROOT_NAMES.flatMap((root) => [ext4Row(bench, root), erofsRow(bench, root)])],
    last: ROOT_NAMES.map((root) => labelledRow(bench, root)),
  };
}
