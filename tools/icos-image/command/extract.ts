import { statSync } from 'node:fs';
import { comparePaths } from '../../lib/formats/entry/entry.ts';
import { printableName } from '../../lib/formats/entry/name.ts';
import type { TreeReader, TreeRecord } from '../../lib/formats/entry/tree-reader.ts';
import { UserError } from '../../lib/formats/error/user-error.ts';
import { findTarget, type Place, treeOf } from '../address.ts';
import type { Image } from '../open.ts';
import type { Output } from '../output.ts';
import { findRecord } from '../tree/find.ts';
import { TargetFolder } from './extract-files.ts';

export interface ExtractOptions {
  /** `-C`. */
  readonly folder: string;
  /** `-v`: prints each name, as tar does. */
  readonly verbose: boolean;
  readonly overwrite: boolean;
}

/** The entries that could not be created, for the messages at the end. */
interface LeftOut {
  readonly special: string[];
  xattrFiles: number;
}

class Extraction {
  readonly #tree: TreeReader;
  readonly #place: Place;
  readonly #folder: TargetFolder;
  readonly #leftOut: LeftOut;
  readonly #onPath: (record: TreeRecord) => void;
  /**
   * The path at which a file was extracted: its first name, or another one if the first is not
   * selected.
   */
  readonly #extracted = new Map<string, string>();

  constructor(place: Place, folder: TargetFolder, leftOut: LeftOut, onPath: (record: TreeRecord) => void) {
    this.#place = place;
    this.#tree = treeOf(place);
    this.#folder = folder;
    this.#leftOut = leftOut;
    this.#onPath = onPath;
  }

  run(path: string): void {
    const { entry } = findRecord(this.#tree, path, false, this.#place.where);
    const prefix = entry.path === '' ? '' : `${entry.path}/`;
    for (const record of this.#tree.walk()) {
      const walked = record.entry.path;
      if (walked === entry.path || walked.startsWith(prefix)) {
        if (walked !== '') this.#one(record);
      } else if (comparePaths(walked, prefix) > 0) break;
    }
  }

  #one(record: TreeRecord): void {
    const { entry } = record;
    this.#onPath(record);
    if (entry.xattrs.size > 0) this.#leftOut.xattrFiles += 1;
    switch (entry.type) {
      case 'directory':
        this.#folder.directory(record);
        break;
      case 'file':
        this.#extracted.set(entry.path, entry.path);
        this.#folder.file(record, this.#tree.readFile(entry.path));
        break;
      case 'symlink':
        this.#folder.symbolicLink(record);
        break;
      case 'hardlink':
        this.#hardLink(record, entry.target);
        break;
      default:
        this.#leftOut.special.push(entry.path);
    }
  }

  #hardLink(record: TreeRecord, target: string): void {
    const { path } = record.entry;
    const known = this.#extracted.get(target);
    if (known !== undefined) {
      this.#folder.hardLink(path, known);
      return;
    }
    // The first name is not selected: the file gets this name.
    const first = findRecord(this.#tree, target, false, this.#place.where);
    const renamed: TreeRecord = { ...first, entry: { ...first.entry, path } };
    if (first.entry.type === 'file') {
      this.#folder.file(renamed, this.#tree.readFile(target));
      this.#extracted.set(target, path);
    } else if (first.entry.type === 'symlink') this.#folder.symbolicLink(renamed);
    else this.#leftOut.special.push(path);
  }
}

function targetFolder({ folder, overwrite }: ExtractOptions): TargetFolder {
  const status = statSync(folder, { throwIfNoEntry: false });
  if (status?.isDirectory() !== true)
    throw new UserError(`${folder}: the directory does not exist; create it first`);
  return new TargetFolder(folder, { overwrite, asRoot: process.getuid?.() === 0, umask: process.umask() });
}

/**
 * `extract`: writes files, and everything below directories.
 *
 * @throws UserError at the end, if devices, pipes or sockets were left out
 */
export async function extract(
  output: Output,
  image: Image,
  addresses: readonly string[],
  options: ExtractOptions,
): Promise<void> {
  const folder = targetFolder(options);
  const leftOut: LeftOut = { special: [], xattrFiles: 0 };
  const onPath = ({ entry }: TreeRecord) => {
    const slash = entry.type === 'directory' ? '/' : '';
    if (options.verbose) output.line(`${printableName(entry.path)}${slash}`);
  };
  for (const address of addresses.length === 0 ? ['/'] : addresses) {
    const { place, path } = await findTarget(image, address);
    new Extraction(place, folder, leftOut, onPath).run(path ?? '');
  }
  folder.finish();
  output.flush();
  report(leftOut);
}

function report({ special, xattrFiles }: LeftOut): void {
  if (xattrFiles > 0) {
    process.stderr.write(`icos-image: extended attributes of ${xattrFiles} entries are not restored\n`);
  }
  const [first] = special;
  if (first !== undefined) {
    const others = special.length === 1 ? '' : ` and ${special.length - 1} more`;
    throw new UserError(
      `not extracted: ${printableName(first)}${others}: a device, pipe or socket; all other entries were extracted`,
    );
  }
}
