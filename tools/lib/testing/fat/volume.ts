import { execFileSync } from 'node:child_process';
import { FileImage } from '../../formats/block/file.ts';
import type { Entry } from '../../formats/entry/entry.ts';
import { type FatOptions, type FatSummary, writeFat } from '../../formats/fat/fat.ts';
import { directory, file } from '../entries/entries.ts';
import { realTool } from '../real-tool.ts';

/** Trees in memory, volumes in files, and the real tools, for tests of FAT. */

/** Files by path; `undefined` for an empty directory. */
export type Tree = Readonly<Record<string, Buffer | undefined>>;

export function entriesOf(tree: Tree): Entry[] {
  return Object.entries(tree).map(([path, content]) =>
    content === undefined ? directory(path) : file(path, content.length),
  );
}

export const IDENTITY = { volumeId: 0x1234abcd, label: 'ESP' } as const;

/** Writes `tree` into a new file at `path`. */
export function writeVolume(
  path: string,
  tree: Tree,
  options: Partial<FatOptions> & { sizeBytes: number },
): FatSummary {
  const image = FileImage.create(path, options.sizeBytes);
  try {
    return writeFat(image, entriesOf(tree), (name) => [tree[name] ?? Buffer.alloc(0)], {
      ...IDENTITY,
      ...options,
    });
  } finally {
    image.close();
  }
}

export interface FsckVerdict {
  /** The number of files, directories and the label, as fsck counts them. */
  readonly fileCount: number;
  readonly usedClusterCount: number;
  readonly clusterCount: number;
}

/** Runs `fsck.vfat -n -V -S`, and throws if it reports anything. */
export function fsck(path: string): FsckVerdict {
  const output = execFileSync(realTool('fsck.vfat', 'dosfstools'), ['-n', '-V', '-S', path], {
    encoding: 'utf8',
  });
  const clean =
    /^fsck\.fat .*\nStarting check\/repair pass\.\nStarting verification pass\.\n.*: (\d+) files, (\d+)\/(\d+) clusters\n$/;
  const match = clean.exec(output);
  if (match === null) throw new Error(`fsck.vfat reports a problem: ${output}`);
  return { fileCount: Number(match[1]), usedClusterCount: Number(match[2]), clusterCount: Number(match[3]) };
}

const MTOOLS_ENVIRONMENT = { ...process.env, LC_ALL: 'C.UTF-8', MTOOLSRC: '/dev/null', TZ: 'UTC' };

/** Runs a tool of mtools on a volume, and returns its output. */
export function mtools(name: string, path: string, ...args: string[]): Buffer {
  return execFileSync(realTool(name, 'mtools'), ['-i', path, ...args], {
    env: MTOOLS_ENVIRONMENT,
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
