import { createHash, type Hash } from 'node:crypto';
import type { FileEntry } from '../../formats/entry/entry.ts';
import { UserError } from '../../formats/error/user-error.ts';
import { streamContents } from '../layer/content.ts';
import { openLayerFile } from '../layer/file.ts';
import { type MergedEntry, mergeLayers } from '../layer/merge.ts';
import type { Layer } from '../layer/reader.ts';
import { selectEntries } from '../layer/select.ts';
import { type EntryList, entryRecord } from '../manifest/entries.ts';
import { exclusion, treePath } from './options.ts';

/** The SHA-256 of no bytes. */
const EMPTY_DIGEST = createHash('sha256').digest('hex');

/** The part of a merged root file system that becomes a separate file system. */
export interface SelectedTree {
  readonly subtree: string;
  readonly entries: readonly MergedEntry[];
}

/** The part of a merged root file system to select. */
export interface TreeSelection {
  readonly subtree?: string | undefined;
  readonly exclude: readonly string[];
}

/** Merges layers in files and selects from them, as the options require. */
export async function selectTree(
  options: TreeSelection & { readonly layer: readonly string[] },
): Promise<SelectedTree> {
  return await selectFromLayers(options.layer.map(openLayerFile), options);
}

/** Merges open layers and selects from them, as the options require. */
export async function selectFromLayers(
  layers: readonly Layer[],
  options: TreeSelection,
): Promise<SelectedTree> {
  const merged = await mergeLayers(layers);
  const subtree = treePath(options.subtree ?? '/', 'subtree');
  const exclude = options.exclude.length === 0 ? {} : { exclude: exclusion(options.exclude) };
  const entries = selectEntries(merged.entries(), { subtree, ...exclude });
  if (entries.length === 0)
    throw new UserError(`--subtree=/${subtree}: the directory does not exist in the layers`);
  if (entries[0]?.entry.type !== 'directory') throw new UserError(`--subtree=/${subtree}: not a directory`);
  return { subtree, entries };
}

/** Receives the pieces of one file after another. */
export interface ContentSink {
  /** Begins a file. It is not called for files without content. */
  open(entry: FileEntry): { write(bytes: Uint8Array): void; close(): void };
}

/**
 * Copies the content of every file of the tree into `sink`, once, in the order of the layers.
 *
 * @returns the SHA-256 of each file by its path, in hexadecimal
 */
export async function copyContents(tree: SelectedTree, sink: ContentSink): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  let hash: Hash | undefined;
  let file: ReturnType<ContentSink['open']> | undefined;
  await streamContents(tree.entries, (entry, positionBytes, bytes) => {
    if (positionBytes === 0) {
      hash = createHash('sha256');
      file = sink.open(entry);
    }
    hash?.update(bytes);
    file?.write(bytes);
    if (positionBytes + bytes.length === entry.sizeBytes) {
      digests.set(entry.path, hash?.digest('hex') ?? EMPTY_DIGEST);
      file?.close();
    }
  });
  return digests;
}

/** Lists everything in the tree, for the manifest. */
export function listEntries(tree: SelectedTree, digests: ReadonlyMap<string, string>): EntryList {
  return {
    formatVersion: 1,
    subtree: `/${tree.subtree}`,
    entries: tree.entries.map(({ entry, inode }) => {
      const digest = entry.type === 'file' ? (digests.get(entry.path) ?? EMPTY_DIGEST) : undefined;
      const layer = entry.type === 'file' ? inode.source?.layer.name : undefined;
      return entryRecord(entry, digest, layer === undefined ? undefined : layerTitle(layer));
    }),
  };
}

/** Returns the title of a layer: its file name, which identifies the target that built it. */
function layerTitle(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/(?:\.layer)?\.tar(?:\.zst)?$/, '');
}
