/**
 * The inputs of the rows, made once in the work folder: root file systems as layers, tars, trees
 * and images.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { FileImage } from '../tools/lib/formats/block/file.ts';
import { BENCH_WORKSPACE } from './bazel.ts';
import { type DiskSpecification, layoutText } from './disk.ts';
import { writeFatTree } from './fat-tree.ts';
import { labelTar } from './label-tar.ts';
import type { OwnTools } from './own-tools.ts';
import { externalFiles, type PeerTools } from './peers.ts';
import type { RootName } from './roots.ts';
import type { Run } from './run.ts';

/**
 * Increment this number with every change of the inputs, so that the inputs in older work folders
 * are removed.
 */
const VERSION = 2;
const LOCK = join(BENCH_WORKSPACE, 'roots.lock.json');
const MEBIBYTE = 1024 ** 2;
const GIBIBYTE = 1024 ** 3;

/** The size of the file system for a root. */
export const ROOT_IMAGE_BYTES: Readonly<Record<RootName, number>> = {
  small: 256 * MEBIBYTE,
  large: 4 * GIBIBYTE,
};
export const FAT_IMAGE_BYTES = 128 * MEBIBYTE;
export const BLOCK_BYTES = 4096;
const COPY_BYTES = 4 * MEBIBYTE;

/** The features of our ext4, for mke2fs. */
const EXT4_FEATURES =
  '^has_journal,^resize_inode,^metadata_csum_seed,^orphan_file,extent,64bit,metadata_csum,flex_bg,dir_index';

/**
 * Returns the options that give mke2fs the features, the block size and the inode size of our ext4.
 */
export function mke2fsArguments(): string[] {
  return ['-q', '-F', '-t', 'ext4', '-b', String(BLOCK_BYTES), '-I', '256', '-m', '0', '-O', EXT4_FEATURES];
}

export function mke2fsSize(root: RootName): string {
  return `${ROOT_IMAGE_BYTES[root] / 1024}k`;
}

export class Inputs {
  readonly #folder: string;
  readonly #own: OwnTools;
  readonly #peers: PeerTools;
  readonly #run: Run;

  /** @param run runs the commands that make inputs, unmeasured */
  constructor(folder: string, own: OwnTools, peers: PeerTools, run: Run) {
    this.#folder = folder;
    this.#own = own;
    this.#peers = peers;
    this.#run = run;
    mkdirSync(folder, { recursive: true });
    const key = createHash('sha256').update(`${VERSION}\n`).update(readFileSync(LOCK)).digest('hex');
    const stamp = join(folder, 'inputs.key');
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === key) return;
    for (const name of INPUT_NAMES) rmSync(join(folder, name), { recursive: true, force: true });
    writeFileSync(stamp, key);
  }

  /**
   * Returns the path of an input. If it does not exist, `make` writes it under another name first.
   */
  #once(name: (typeof INPUT_NAMES)[number], make: (path: string) => void): string {
    const path = join(this.#folder, name);
    if (existsSync(path)) return path;
    process.stderr.write(`making ${path}\n`);
    const partial = `${path}.partial`;
    rmSync(partial, { recursive: true, force: true });
    try {
      make(partial);
      renameSync(partial, path);
    } finally {
      rmSync(partial, { recursive: true, force: true });
    }
    return path;
  }

  /** A root file system of packages as a layer, as `apt_base` unpacks it. */
  layer(root: RootName): string {
    return this.#once(`${root}.layer.tar.zst`, (path) => {
      const debs = externalFiles(`@bench_debs//:${root}`);
      const parameters = this.#run.path('parameters');
      const options = [
        ...debs.map((deb) => `--deb=${deb}`),
        `--output=${path}`,
        `--steps=${this.#run.path('steps.json')}`,
        `--packages=${this.#run.path('packages.json')}`,
      ];
      writeFileSync(parameters, `${options.join('\n')}\n`);
      this.#run.untimed(this.#own.command('apt-base', `@${parameters}`));
    });
  }

  /** The same root file system as one plain tar, sorted by path, with numeric owners. */
  tar(root: RootName): string {
    const layer = this.layer(root);
    return this.#once(`${root}.tar`, (path) => {
      this.#run.untimed(this.#peers.command('zstd', '-dqf', layer, '-o', path));
    });
  }

  /** The same tar with a `security.selinux` attribute on every entry. */
  labelledTar(root: RootName): string {
    const plain = this.tar(root);
    return this.#once(`${root}-labelled.tar`, (path) => labelTar(plain, path));
  }

  /** The root as an ext4 made by mke2fs, for packing and for the disks. */
  ext4(root: RootName): string {
    const tar = this.tar(root);
    return this.#once(`${root}.ext4`, (path) => {
      this.#run.untimed(
        this.#peers.command('mke2fs', ...mke2fsArguments(), '-d', tar, path, mke2fsSize(root)),
      );
    });
  }

  /** A directory tree of 1,000 files, 50 MB. */
  fatTree(): string {
    const tar = this.tar('small');
    return this.#once('fat', (path) => writeFatTree(tar, path));
  }

  /** The tree of {@link fatTree} as a layer, as `rootfs` writes it. */
  fatLayer(): string {
    const tree = this.fatTree();
    return this.#once('fat.layer.tar.zst', (path) => {
      const manifest = this.#run.path('files.json');
      const entries = readdirSync(tree).map((name) => ({
        path: `/${name}`,
        type: 'tree',
        mode: '0644',
        uid: 0,
        gid: 0,
        source: join(tree, name),
      }));
      writeFileSync(manifest, JSON.stringify({ entries }));
      this.#run.untimed(this.#own.command('layer', `--manifest=${manifest}`, `--output=${path}`));
    });
  }

  /** The tree of {@link fatTree} as a tar. */
  fatTar(): string {
    const tree = this.fatTree();
    return this.#once('fat.tar', (path) => {
      const options = [
        '--sort=name',
        '--numeric-owner',
        '--owner=0',
        '--group=0',
        '--mtime=@0',
        '--format=ustar',
      ];
      this.#run.untimed(this.#peers.command('tar', ...options, '-C', tree, '-cf', path, '.'));
    });
  }

  fatImage(): string {
    const tree = this.fatTree();
    return this.#once('fat.img', (path) => {
      for (const command of fatCommands(this.#peers, tree, path)) this.#run.untimed(command);
    });
  }

  /**
   * 4 GiB of a tar's bytes. Almost no block is all zeros, so no contender gains time by skipping
   * holes.
   */
  fullImage(): string {
    const tar = this.tar('large');
    return this.#once('full.img', (path) => fillFrom(tar, path, ROOT_IMAGE_BYTES.large));
  }

  /**
   * A partition's image, packed by our tool in both compressions. Returns the path of its index.
   */
  packed(name: 'fat' | RootName): string {
    const image = name === 'fat' ? this.fatImage() : this.ext4(name);
    const index = join(this.#folder, `packed-${name}`, 'image.json');
    this.#once(`packed-${name}`, (folder) => {
      mkdirSync(folder);
      const base = join(folder, 'image');
      this.#run.untimed(packCommand(this.#own, image, base, `--gz=${base}.img.gz`));
    });
    return index;
  }

  layout(root: RootName, disk: DiskSpecification): string {
    return this.#once(`${root}.csv`, (path) => writeFileSync(path, layoutText(disk)));
  }
}

const INPUT_NAMES = [
  'fat',
  'fat.img',
  'fat.layer.tar.zst',
  'fat.tar',
  'full.img',
  'large-labelled.tar',
  'large.csv',
  'large.ext4',
  'large.layer.tar.zst',
  'large.tar',
  'packed-fat',
  'packed-large',
  'packed-small',
  'small-labelled.tar',
  'small.csv',
  'small.ext4',
  'small.layer.tar.zst',
  'small.tar',
] as const;

/** Returns the command that packs an image into `BASE.img.zst` and `BASE.json`. */
export function packCommand(own: OwnTools, image: string, base: string, ...more: string[]) {
  return own.command(
    'raw-image',
    `--image=${image}`,
    `--zst=${base}.img.zst`,
    `--index=${base}.json`,
    ...more,
  );
}

/** Returns the commands that copy the content of a directory to a new volume. */
export function fatCommands(peers: PeerTools, tree: string, image: string) {
  const folders = readdirSync(tree)
    .toSorted()
    .map((name) => join(tree, name));
  return [
    peers.command('mkfs.vfat', '-F', '16', '-C', image, String(FAT_IMAGE_BYTES / 1024)),
    peers.command('mcopy', '-s', '-Q', '-i', image, ...folders, '::'),
  ];
}

/** Writes `sizeBytes` bytes: the source, repeated. */
function fillFrom(source: string, path: string, sizeBytes: number): void {
  const image = FileImage.create(path, sizeBytes);
  const sourceBytes = statSync(source).size;
  const descriptor = openSync(source, 'r');
  const buffer = Buffer.alloc(COPY_BYTES);
  for (let offset = 0; offset < sizeBytes; ) {
    const position = offset % sourceBytes;
    const wanted = Math.min(COPY_BYTES, sizeBytes - offset, sourceBytes - position);
    const count = readSync(descriptor, buffer, 0, wanted, position);
    image.write(offset, buffer.subarray(0, count));
    offset += count;
  }
  closeSync(descriptor);
  image.close();
}
