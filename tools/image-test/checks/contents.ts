import type { TreeReader } from '../../lib/formats/entry/tree-reader.ts';
import type { EntryRecord } from '../../lib/image/manifest/entries.ts';
import { entryRecord } from '../../lib/image/manifest/entries.ts';
import type { ImageEntry } from '../../lib/image/manifest/manifest.ts';
import { digestOf } from '../tree-reader.ts';

const LOST_AND_FOUND = 'lost+found';

/** Formats an entry as the text that is compared between the manifest and the disk. */
function comparable(record: EntryRecord | ImageEntry): string {
  const { path, type, mode, uid, gid, sizeBytes, sha256, target, device, xattrs } = record;
  const sorted = xattrs === undefined ? undefined : Object.entries(xattrs).sort();
  if (type === 'hardlink') return JSON.stringify({ path, type, target });
  return JSON.stringify({ path, type, mode, uid, gid, sizeBytes, sha256, target, device, xattrs: sorted });
}

/** Checks that our own reader finds every entry of the manifest, and no other entry. */
export function contentProblems(name: string, entries: readonly ImageEntry[], reader: TreeReader): string[] {
  const expected = new Map(entries.map((entry) => [entry.path, comparable(entry)]));
  const problems: string[] = [];
  for (const { entry } of reader.walk()) {
    // Every ext4 file system has it, even if the tree did not.
    if (entry.path === LOST_AND_FOUND && !expected.has(`/${LOST_AND_FOUND}`)) continue;
    const digest = entry.type === 'file' ? digestOf(reader, entry.path) : undefined;
    const record = entryRecord(entry, digest);
    const want = expected.get(record.path);
    expected.delete(record.path);
    if (want === undefined)
      problems.push(`${name}:${record.path} is in the file system, but not in the manifest`);
    else if (want !== comparable(record))
      problems.push(`${name}:${record.path}: ${comparable(record)}, not ${want}`);
  }
  for (const path of expected.keys())
    problems.push(`${name}:${path} is in the manifest, but not in the file system`);
  return problems;
}
