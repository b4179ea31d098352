import { execFileSync } from 'node:child_process';
import { FileImage } from '../../formats/block/file.ts';
import { type Entry, NO_XATTRS } from '../../formats/entry/entry.ts';
import { type FatOptions, type FatSummary, writeFat } from '../../formats/fat/fat.ts';
import { realTool } from '../real-tool.ts';

/** What the tests of this folder share: trees in memory, volumes in files, and the real tools' opinions. */

/** Files by path; `undefined` for an empty directory. */
export type Tree = Readonly<Record<string, Buffer | undefined>>;

export function file(path: string, sizeBytes: number): Entry {
  return { type: 'file', path, sizeBytes, mode: 0o644, uid: 0, gid: 0, xattrs: NO_XATTRS };
}

export function directory(path: string): Entry {
  return { type: 'directory', path, mode: 0o755, uid: 0, gid: 0, xattrs: NO_XATTRS };
}

export function entriesOf(tree: Tree): Entry[] {
  return Object.entries(tree).map(([path, content]) =>
    content === undefined ? directory(path) : file(path, content.length),
  );
}

/** Bytes that differ from file to file and from place to place. */
export function sample(sizeBytes: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  let state = seed >>> 0;
  for (let index = 0; index < sizeBytes; index += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
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
  /** Files, directories and the label, as fsck counts. */
  readonly fileCount: number;
  readonly usedClusterCount: number;
  readonly clusterCount: number;
}

/** Runs `fsck.vfat -n -V -S`; throws where it has the least thing to say. */
export function fsck(path: string): FsckVerdict {
  const output = execFileSync(realTool('fsck.vfat', 'dosfstools'), ['-n', '-V', '-S', path], {
    encoding: 'utf8',
  });
  const clean =
    /^fsck\.fat .*\nStarting check\/repair pass\.\nStarting verification pass\.\n.*: (\d+) files, (\d+)\/(\d+) clusters\n$/;
  const match = clean.exec(output);
  if (match === null) throw new Error(`fsck.vfat is not content: ${output}`);
  return { fileCount: Number(match[1]), usedClusterCount: Number(match[2]), clusterCount: Number(match[3]) };
}

const MTOOLS_ENVIRONMENT = { ...process.env, LC_ALL: 'C.UTF-8', MTOOLSRC: '/dev/null', TZ: 'UTC' };

/** Runs one of the mtools on a volume. */
export function mtools(name: string, path: string, ...args: string[]): Buffer {
  return execFileSync(realTool(name, 'mtools'), ['-i', path, ...args], {
    env: MTOOLS_ENVIRONMENT,
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
