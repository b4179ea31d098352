/** Finds the changes of a stage's files, as items of a layer. */
import { type Entry, parentPath, type Xattrs } from '../lib/formats/entry/entry.ts';
import type { LayerItem } from '../lib/image/layer/writer.ts';
import type { StageInode } from './file-content.ts';
import { readFileContent } from './file-content.ts';
import type { StageFiles } from './stage-files.ts';

/** The files at one moment: the inode at each path. */
export type Snapshot = ReadonlyMap<string, StageInode>;

export function takeSnapshot(files: StageFiles): Snapshot {
  return new Map(files.entries().map(({ entry, inode }) => [entry.path, inode]));
}

function sameXattrs(left: Xattrs, right: Xattrs): boolean {
  return (
    left.size === right.size &&
    [...left].every(
      ([name, value]) => Buffer.compare(value, right.get(name) ?? new Uint8Array(0)) === 0 && right.has(name),
    )
  );
}

function sameDirectory(left: Entry, right: Entry): boolean {
  return (
    left.type === 'directory' &&
    right.type === 'directory' &&
    left.mode === right.mode &&
    left.uid === right.uid &&
    left.gid === right.gid &&
    sameXattrs(left.xattrs, right.xattrs)
  );
}

/**
 * Returns the items of the layer that changes the files of `snapshot` into `files`. If a
 * hard-linked file has a new name, the layer holds all of its names, so that they remain names of
 * one file.
 */
export function changesSince(snapshot: Snapshot, files: StageFiles): LayerItem[] {
  const entries = files.entries();
  const changed = new Set<StageInode>();
  for (const { entry, inode, implied } of entries) {
    const before = snapshot.get(entry.path);
    if (before === inode || (before !== undefined && sameDirectory(before.entry, inode.entry))) continue;
    if (implied && entry.path === '') continue;
    changed.add(inode);
  }
  const items: LayerItem[] = [];
  for (const { entry, inode } of entries) {
    if (!changed.has(inode)) continue;
    const hasContent = entry.type === 'file' && entry.sizeBytes > 0;
    items.push({ kind: 'entry', entry, ...(hasContent ? { content: () => readFileContent(inode) } : {}) });
  }
  const present = new Set(entries.map(({ entry }) => entry.path));
  for (const path of snapshot.keys()) {
    if (present.has(path) || files.get(parentPath(path))?.type !== 'directory') continue;
    items.push({ kind: 'whiteout', path });
  }
  return items;
}
