import fc from 'fast-check';
import { expect, test } from 'vitest';
import { comparePaths, type Entry, NO_XATTRS, parentPath } from '../../formats/entry/entry.ts';
import { FileTree } from '../layer/file-tree.ts';
import { findChanges, type ListedEntry } from './difference.ts';

interface ModelFile {
  readonly number: number;
  readonly type: 'file' | 'directory';
  mode: number;
  content: string;
  isTouched: boolean;
}

/**
 * Models a file system as the kernel keeps it: names lead to inodes, and each inode records whether
 * it was touched.
 */
class Model {
  readonly files = new Map<string, ModelFile>();
  #nextNumber = 3;

  constructor() {
    this.files.set('', { number: 2, type: 'directory', mode: 0o755, content: '', isTouched: false });
  }

  #below(path: string): string[] {
    return [...this.files.keys()].filter((name) => name === path || name.startsWith(`${path}/`));
  }

  #hasRoomFor(path: string): boolean {
    return this.files.get(parentPath(path))?.type === 'directory' && !this.files.has(path);
  }

  #touch(path: string): void {
    for (const name of [path, parentPath(path)]) {
      const file = this.files.get(name);
      if (file !== undefined) file.isTouched = true;
    }
  }

  make(path: string, type: ModelFile['type'], content: string): void {
    if (!this.#hasRoomFor(path)) return;
    this.files.set(path, { number: this.#nextNumber++, type, mode: 0o755, content, isTouched: true });
    this.#touch(path);
  }

  write(path: string, content: string): void {
    const file = this.files.get(path);
    if (file?.type !== 'file') return;
    file.content = content;
    this.#touch(path);
  }

  chmod(path: string, mode: number): void {
    const file = this.files.get(path);
    if (file === undefined) return;
    file.mode = mode;
    file.isTouched = true;
  }

  remove(path: string): void {
    if (path === '') return;
    this.#touch(path);
    for (const name of this.#below(path)) this.files.delete(name);
  }

  rename(from: string, to: string): void {
    if (from === '' || !this.files.has(from) || !this.#hasRoomFor(to) || to.startsWith(`${from}/`)) return;
    this.#touch(from);
    for (const name of this.#below(from)) {
      this.files.set(to + name.slice(from.length), this.files.get(name) as ModelFile);
      this.files.delete(name);
    }
    this.#touch(to);
  }

  swap(one: string, two: string): void {
    const spare = 'spare';
    if (one === two || one === '' || two === '' || `${one}/`.startsWith(`${two}/`)) return;
    if (`${two}/`.startsWith(`${one}/`) || !this.files.has(one) || !this.files.has(two)) return;
    this.rename(one, spare);
    this.rename(two, one);
    this.rename(spare, two);
  }

  /** Replaces a file by a new one with the same content. */
  replace(path: string): void {
    const file = this.files.get(path);
    if (file?.type !== 'file') return;
    this.remove(path);
    this.make(path, 'file', file.content);
    this.chmod(path, file.mode);
  }

  link(from: string, to: string): void {
    const file = this.files.get(from);
    if (file?.type !== 'file' || !this.#hasRoomFor(to)) return;
    this.files.set(to, file);
    this.#touch(to);
  }

  list(): ListedEntry[] {
    const first = new Map<number, string>();
    const names = [...this.files].sort(([left], [right]) => comparePaths(left, right));
    return names.map(([path, file]): ListedEntry => {
      const metadata = { path, mode: file.mode, uid: 0, gid: 0, xattrs: NO_XATTRS };
      const target = first.get(file.number);
      first.set(file.number, target ?? path);
      const entry: Entry =
        file.type === 'directory'
          ? { ...metadata, type: 'directory' }
          : target === undefined
            ? { ...metadata, type: 'file', sizeBytes: file.content.length }
            : { ...metadata, type: 'hardlink', target };
      return { entry, inode: file.number, isTouched: file.isTouched };
    });
  }
}

type Operation = (model: Model) => void;

/** An existing name of the model, so that few operations have no effect. */
const existing = fc.nat(1000).map((number) => (model: Model): string => {
  const names = [...model.files.keys()].sort();
  return names[number % names.length] ?? '';
});
/** A name in one of the model's directories. */
const inDirectory = fc.tuple(existing, fc.constantFrom('a', 'b', 'c')).map(([at, name]) => (model: Model) => {
  const path = at(model);
  const folder = model.files.get(path)?.type === 'directory' ? path : parentPath(path);
  return folder === '' ? name : `${folder}/${name}`;
});
const content = fc.constantFrom('', 'x', 'y');
const mode = fc.constantFrom(0o755, 0o700);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.tuple(inDirectory, content).map(
    ([at, text]) =>
      (model: Model) =>
        model.make(at(model), 'file', text),
  ),
  inDirectory.map((at) => (model: Model) => model.make(at(model), 'directory', '')),
  fc.tuple(existing, content).map(
    ([at, text]) =>
      (model: Model) =>
        model.write(at(model), text),
  ),
  fc.tuple(existing, mode).map(
    ([at, bits]) =>
      (model: Model) =>
        model.chmod(at(model), bits),
  ),
  existing.map((at) => (model: Model) => model.remove(at(model))),
  existing.map((at) => (model: Model) => model.replace(at(model))),
  fc.tuple(existing, inDirectory).map(
    ([from, to]) =>
      (model: Model) =>
        model.rename(from(model), to(model)),
  ),
  fc.tuple(existing, existing).map(
    ([one, two]) =>
      (model: Model) =>
        model.swap(one(model), two(model)),
  ),
  fc.tuple(existing, inDirectory).map(
    ([from, to]) =>
      (model: Model) =>
        model.link(from(model), to(model)),
  ),
);
const operations = fc.array(operation, { maxLength: 30, size: 'max' });

/** Describes a tree without its inode numbers. */
function describeTree(tree: FileTree<string>): string[] {
  return tree.entries().map(({ entry, inode }) => {
    const what =
      entry.type === 'hardlink' ? `-> ${entry.target}` : `${inode.entry.mode} ${inode.source ?? ''}`;
    return `${entry.path} ${entry.type} ${what}`;
  });
}

function treeOf(listing: readonly ListedEntry[], contents: ReadonlyMap<number, string>): FileTree<string> {
  const tree = new FileTree<string>();
  for (const { entry, inode } of listing) tree.put(entry, contents.get(inode), 'model');
  return tree;
}

function contentsOf(model: Model): Map<number, string> {
  return new Map([...model.files.values()].map((file) => [file.number, file.content]));
}

test('after any operations, the changes turn the old tree into the new one; an equal tree has no changes', () => {
  fc.assert(
    fc.property(operations, operations, (first, second) => {
      const model = new Model();
      for (const act of first) act(model);
      for (const file of model.files.values()) file.isTouched = false;
      const before = model.list();
      const oldContents = contentsOf(model);
      for (const act of second) act(model);
      const after = model.list();
      const newContents = contentsOf(model);
      const changes = findChanges(before, after, (left, right) => {
        return oldContents.get(left.inode) === newContents.get(right.inode);
      });

      const folders = new Set(
        after.map(({ entry }) => (entry.type === 'directory' ? entry.path : undefined)),
      );
      const deleted = changes.flatMap((change) => (change.kind === 'whiteout' ? [change] : []));
      expect(deleted.filter(({ path }) => !folders.has(parentPath(path)))).toEqual([]);

      const tree = treeOf(before, oldContents);
      for (const { path } of deleted) tree.remove(path, 'changes');
      const numbers = new Map(after.map(({ entry, inode }) => [entry.path, inode]));
      const entries = changes.flatMap((change) => (change.kind === 'entry' ? [change.entry] : []));
      for (const entry of entries.sort((left, right) => comparePaths(left.path, right.path))) {
        tree.put(entry, newContents.get(numbers.get(entry.path) ?? 0), 'changes');
      }
      expect(describeTree(tree)).toEqual(describeTree(treeOf(after, newContents)));
      const isUnchanged =
        JSON.stringify(describeTree(treeOf(before, oldContents))) === JSON.stringify(describeTree(tree));
      if (isUnchanged) expect(changes).toEqual([]);
    }),
    { numRuns: 20_000 },
  );
});

test('files of directories that were swapped have changed, although nothing touched them', () => {
  const model = new Model();
  for (const folder of ['a', 'b']) {
    model.make(folder, 'directory', '');
    model.make(`${folder}/same`, 'file', 'same');
    model.make(`${folder}/x`, 'file', folder);
  }
  for (const file of model.files.values()) file.isTouched = false;
  const before = model.list();
  const contents = contentsOf(model);
  model.swap('a', 'b');
  const changes = findChanges(
    before,
    model.list(),
    (left, right) => contents.get(left.inode) === contents.get(right.inode),
  );
  expect(changes.map((change) => (change.kind === 'entry' ? change.entry.path : change))).toEqual([
    'a/x',
    'b/x',
  ]);
});
