/** One set of images for all tests of a file. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { diskImage, erofsImage, ext4Image, fatImage, makeTree, temporaryFolder, tool } from './workbench.ts';

export interface Fixtures {
  readonly folder: string;
  readonly tree: string;
  readonly ext4: string;
  readonly fat: string;
  readonly erofs: string;
  /** ext4 followed by its hash tree, made by veritysetup. */
  readonly verity: string;
  readonly rootHash: string;
  readonly salt: string;
  /** A GPT disk with efi (vfat), A_root (ext4 with hash tree), B_root (erofs), empty. */
  readonly disk: string;
  /** {@link disk}, packed by GNU tar and zstd. */
  readonly diskZst: string;
  readonly diskGz: string;
}

const SALT = 'ab'.repeat(32);
const EXT4_BYTES = 16 << 20;

function verityImage(path: string, ext4: string): string {
  copyFileSync(ext4, path);
  const output = tool('veritysetup', 'cryptsetup-bin', [
    'format',
    `--salt=${SALT}`,
    '--uuid=99999999-8888-4777-8666-555555555555',
    `--hash-offset=${EXT4_BYTES}`,
    path,
    path,
  ]);
  return /Root hash:\s*([0-9a-f]+)/.exec(output.toString())?.[1] ?? '';
}

/** Packs the disk as a sparse tar, compressed by the real tools. */
export function packDisk(disk: string, folder: string): { zst: string; gz: string } {
  const member = join(folder, 'disk.img');
  if (member !== disk) copyFileSync(disk, member);
  const tar = tool('tar', 'tar', [
    '-S',
    '--format=posix',
    '--owner=0',
    '--group=0',
    '-C',
    folder,
    '-cf',
    '-',
    'disk.img',
  ]);
  const paths = { zst: join(folder, 'disk-img.tar.zst'), gz: join(folder, 'disk-img.tar.gz') };
  tool('sh', 'dash', ['-c', 'cat > "$0"', paths.zst], tool('zstd', 'zstd', ['-q', '-c'], tar));
  tool('sh', 'dash', ['-c', 'cat > "$0"', paths.gz], tool('gzip', 'gzip', ['-nc'], tar));
  return paths;
}

export function makeFixtures(): Fixtures {
  const folder = temporaryFolder();
  const tree = makeTree(join(mkdirs(folder, 'tree')));
  const ext4 = ext4Image(join(folder, 'ext4.img'), tree);
  const fat = fatImage(join(folder, 'fat.img'));
  const erofs = erofsImage(join(folder, 'erofs.img'), tree);
  const verity = join(folder, 'verity.img');
  const rootHash = verityImage(verity, ext4);
  const disk = diskImage(join(mkdirs(folder, 'disk'), 'disk.img'), 64, [
    {
      name: 'efi',
      start: 1,
      size: 8,
      type: 'ef00',
      uuid: 'aaaaaaaa-0000-4000-8000-000000000001',
      image: fat,
    },
    {
      name: 'A_root',
      start: 10,
      size: 18,
      type: '8300',
      uuid: 'aaaaaaaa-0000-4000-8000-000000000002',
      image: verity,
    },
    {
      name: 'B_root',
      start: 30,
      size: 18,
      type: '8300',
      uuid: 'aaaaaaaa-0000-4000-8000-000000000003',
      image: erofs,
    },
    {
      name: 'empty',
      start: 50,
      size: 2,
      type: '8300',
      uuid: 'aaaaaaaa-0000-4000-8000-000000000004',
      image: undefined,
    },
  ]);
  const packed = packDisk(disk, join(folder, 'disk'));
  return {
    folder,
    tree,
    ext4,
    fat,
    erofs,
    verity,
    rootHash,
    salt: SALT,
    disk,
    diskZst: packed.zst,
    diskGz: packed.gz,
  };
}

function mkdirs(folder: string, name: string): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  return path;
}
