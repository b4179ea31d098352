/** Helpers for the tests of tar and of the formats that use it. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { Entry } from '../../formats/entry/entry.ts';
import { readTarSync } from '../../formats/tar/reader.ts';
import { TAR_END, type TarOptions, tarHeader, tarPadding } from '../../formats/tar/writer.ts';
import { realTool } from '../real-tool.ts';

/**
 * Makes a temporary folder for the tests of a file, removed afterwards. Call the result inside a
 * test.
 */
export function temporaryFolder(): () => string {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'icos-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  return () => folder;
}

export function gnuTar(args: readonly string[], input?: Uint8Array): Buffer {
  return execFileSync(realTool('tar', 'tar'), args, {
    ...(input === undefined ? {} : { input }),
    maxBuffer: 1 << 28,
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/**
 * Runs bsdtar in a locale with UTF-8, which it needs for names outside ASCII. It shows names that
 * are not UTF-8 as escapes.
 */
export function bsdTar(args: readonly string[], input?: Uint8Array): Buffer {
  return execFileSync(realTool('bsdtar', 'libarchive-tools'), args, {
    ...(input === undefined ? {} : { input }),
    maxBuffer: 1 << 28,
    env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/**
 * Converts an archive to another format with libarchive, without extracting it, so that owners and
 * devices need no privileges.
 */
export function bsdTarConverted(bytes: Uint8Array, format: string, options: readonly string[] = []): Buffer {
  return bsdTar(['-cf', '-', `--format=${format}`, '--xattrs', '--acls', ...options, '@-'], bytes);
}

/**
 * Makes an archive. The content of a file is its value in `contents`, or else bytes that depend on
 * the path.
 */
export function archive(
  entries: readonly Entry[],
  contents: Readonly<Record<string, Uint8Array | string>> = {},
  options: TarOptions = {},
): Buffer {
  const parts = entries.flatMap((entry) => {
    if (entry.type !== 'file') return [tarHeader(entry, options)];
    const content = Buffer.from(contents[entry.path] ?? contentFor(entry.path, entry.sizeBytes));
    return [tarHeader(entry, options), content, tarPadding(content.length)];
  });
  return Buffer.concat([...parts, TAR_END]);
}

export function contentFor(path: string, sizeBytes: number): Buffer {
  return Buffer.alloc(sizeBytes, `${path}\n`);
}

/** Cuts bytes into chunks. */
export function* inChunks(bytes: Uint8Array, chunkBytes: number): Generator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += chunkBytes) {
    yield bytes.subarray(offset, offset + chunkBytes);
  }
}

/** Reads a whole archive: the entries, and the contents of files, with zeros in holes. */
export function readAll(
  bytes: Uint8Array,
  chunkBytes = 1 << 20,
): { entries: Entry[]; contents: Map<string, Buffer> } {
  const entries: Entry[] = [];
  const contents = new Map<string, Buffer>();
  for (const event of readTarSync(inChunks(bytes, chunkBytes), 'test.tar')) {
    if (event.kind === 'member') {
      entries.push(event.entry);
      if (event.entry.type === 'file') contents.set(event.entry.path, Buffer.alloc(event.entry.sizeBytes));
    } else {
      contents.get(entries.at(-1)?.path ?? '')?.set(event.bytes, event.positionBytes);
    }
  }
  return { entries, contents };
}
