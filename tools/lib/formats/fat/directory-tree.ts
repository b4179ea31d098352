import { baseName, comparePaths, type Entry, parentPath } from '../entry/entry.ts';
import { UserError } from '../error/user-error.ts';
import { FILE_SIZE_LIMIT } from './format.ts';
import { checkName, foldName } from './names.ts';

/**
 * A file or directory of the tree that is written to a volume. The children of a directory are
 * sorted by name.
 */
export type FatNode = FatFile | FatDirectory;

export interface FatFile {
  readonly type: 'file';
  readonly path: string;
  readonly name: string;
  readonly sizeBytes: number;
}

export interface FatDirectory {
  readonly type: 'directory';
  readonly path: string;
  readonly name: string;
  readonly parent: FatDirectory | undefined;
  readonly children: FatNode[];
}

/**
 * Builds the tree. Parent directories that are not among the entries are added, because a FAT
 * directory has only a name.
 *
 * @throws UserError for entries that FAT cannot hold: types other than file and directory, names
 *   that differ only in case, forbidden names, files of 4 GiB and more
 */
export function buildTree(entries: readonly Entry[]): FatDirectory {
  const root: FatDirectory = { type: 'directory', path: '', name: '', parent: undefined, children: [] };
  const nodes = new Map<string, FatNode>([['', root]]);
  for (const entry of entries.toSorted((left, right) => comparePaths(left.path, right.path))) {
    if (entry.path === '' && entry.type === 'directory') continue;
    if (nodes.has(entry.path)) throw new UserError(`FAT: "${entry.path}" occurs twice`);
    addEntry(entry, nodes);
  }
  for (const node of nodes.values()) {
    if (node.type === 'directory') finishDirectory(node);
  }
  return root;
}

function addEntry(entry: Entry, nodes: Map<string, FatNode>): void {
  const { path } = entry;
  if (entry.type !== 'file' && entry.type !== 'directory') {
    throw new UserError(
      `FAT: "${path}" is a ${entry.type.replace('-', ' ')}: FAT holds only files and directories; leave it out`,
    );
  }
  const name = baseName(path);
  checkName(name, path);
  const parent = directoryAt(parentPath(path), path, nodes);
  if (entry.type === 'directory') {
    const node: FatDirectory = { type: 'directory', path, name, parent, children: [] };
    parent.children.push(node);
    nodes.set(path, node);
    return;
  }
  if (entry.sizeBytes > FILE_SIZE_LIMIT) {
    throw new UserError(
      `FAT: "${path}" has ${entry.sizeBytes} bytes: a file on FAT has at most ${FILE_SIZE_LIMIT} (4 GiB - 1)`,
    );
  }
  const node: FatFile = { type: 'file', path, name, sizeBytes: entry.sizeBytes };
  parent.children.push(node);
  nodes.set(path, node);
}

function directoryAt(path: string, forPath: string, nodes: Map<string, FatNode>): FatDirectory {
  const known = nodes.get(path);
  if (known?.type === 'directory') return known;
  if (known !== undefined) throw new UserError(`FAT: "${forPath}" is in "${path}", which is a file`);
  const name = baseName(path);
  checkName(name, path);
  const parent = directoryAt(parentPath(path), path, nodes);
  const made: FatDirectory = { type: 'directory', path, name, parent, children: [] };
  parent.children.push(made);
  nodes.set(path, made);
  return made;
}

function finishDirectory(directory: FatDirectory): void {
  directory.children.sort((left, right) => comparePaths(left.name, right.name));
  const folded = new Map<string, FatNode>();
  for (const child of directory.children) {
    const key = foldName(child.name);
    const other = folded.get(key);
    if (other !== undefined) {
      throw new UserError(
        `FAT: "${other.path}" and "${child.path}" differ only in case, which FAT cannot distinguish: rename one`,
      );
    }
    folded.set(key, child);
  }
}
