import { execFileSync, spawnSync } from 'node:child_process';
import type { Entry } from '../../tools/lib/formats/entry/entry.ts';
import { realTool } from '../../tools/lib/testing/real-tool.ts';
import type { ListedEntry } from './listing.ts';
import type { Feature, SampleTree } from './sample-trees.ts';

/** A writer, a reader, and the real tools of the same format. */
export interface Format {
  readonly name: string;
  /** Features that the format cannot store. Trees with them are not tested. */
  readonly lacks: readonly Feature[];
  /** Other trees that the format cannot store: maps the name of the tree to the reason. */
  readonly cannotHold?: Readonly<Record<string, string>>;
  /** Removes the properties of an entry that the format cannot store. */
  forget?(entry: Entry): Entry;
  /** Paths that every image of the format contains in addition to the tree. */
  readonly additions?: readonly string[];
  /**
   * Writes the tree. The file exists already and contains random bytes, which must be overwritten
   * or removed.
   */
  write(tree: SampleTree, path: string): Promise<void> | void;
  /**
   * Runs the real checker.
   *
   * @throws Error with its output, if it reports a problem
   */
  check(path: string): void;
  /** Reads the image with our reader. */
  read(path: string): Promise<Iterable<ListedEntry>> | Iterable<ListedEntry>;
  /**
   * Shell script that mounts or extracts the tree on /dev/ubda to /mnt of the test kernel.
   * /dev/ubdc is an empty file system.
   */
  readonly appear: string;
}

/** Runs a checker, and returns its output. @throws Error with the output if the status is not 0 */
export function checker(command: string, debianPackage: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(realTool(command, debianPackage), args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

/** Runs a real tool. @returns its output */
export function output(
  command: string,
  debianPackage: string,
  args: readonly string[],
  input?: Uint8Array,
): Buffer {
  return execFileSync(realTool(command, debianPackage), args, {
    maxBuffer: 1 << 30,
    ...(input === undefined ? {} : { input }),
  });
}
