/** Writes small layers for tests of the step runner, and describes the layers that it writes. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Entry } from '../../formats/entry/entry.ts';
import { readContent } from '../../image/layer/content.ts';
import { openLayerFile, writeLayerFile } from '../../image/layer/file.ts';
import { mergeLayers } from '../../image/layer/merge.ts';
import { listLayer } from '../../image/layer/reader.ts';
import type { LayerItem } from '../../image/layer/writer.ts';
import type { Step } from '../../image/steps/step.ts';
import { directory, file, symlink } from './items.ts';

const APPLETS = (
  'basename cat chmod chown cp date dd echo env false find grep head hostname id kill ln ls mkdir mkfifo mknod mv ' +
  'od printf ps rm rmdir seq setsid sh sleep sort stat sync tail test touch tr true umask usleep wc'
).split(' ');

/** Returns the folder with the step runner's own programs. */
export function runnerRoot(): string {
  const root = process.env['ICOS_STEP_RUNNER_ROOT'];
  if (root === undefined || root === '') {
    throw new Error(
      "these tests need the step runner's programs: set ICOS_STEP_RUNNER_ROOT to a folder with " +
        "Debian testing's user-mode-linux, libc6, busybox-static, util-linux and libcap-ng0 unpacked (dpkg-deb -x)",
    );
  }
  return root;
}

/** A root file system with only busybox and three users. */
export function busyboxTree(): LayerItem[] {
  return [
    directory(''),
    directory('bin'),
    file('bin/busybox', readFileSync(join(runnerRoot(), 'usr/bin/busybox')), { mode: 0o755 }),
    ...APPLETS.map((name) => symlink(`bin/${name}`, 'busybox')),
    directory('etc'),
    file(
      'etc/passwd',
      'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/srv:/bin/sh\nother:x:1002:1002::/:/bin/sh\n',
    ),
    file('etc/group', 'root:x:0:\napps:x:1001:\nstaff:x:50:other,app\nlog:x:60:app\n'),
  ];
}

/** A temporary folder that is removed at the end of its test. */
export class TestFolder {
  readonly path: string;

  constructor(parent = tmpdir()) {
    this.path = mkdtempSync(join(parent, 'steps-'));
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  /** Writes a layer. */
  async layer(name: string, items: LayerItem[]): Promise<string> {
    const path = join(this.path, `${name}.layer.tar.zst`);
    await writeLayerFile(path, items);
    return path;
  }
}

/** Makes a step that runs a shell script, as root by default. */
export function shell(script: string, given: Partial<Step> = {}): Step {
  return {
    name: 'test',
    argv: ['/bin/sh', '-euc', script],
    env: { PATH: '/bin' },
    workingDirectory: '/',
    user: 'root',
    ...given,
  };
}

function describeEntry(entry: Entry): string {
  const owner = entry.uid === 0 && entry.gid === 0 ? '' : ` ${entry.uid}:${entry.gid}`;
  const mode = entry.mode.toString(8).padStart(4, '0');
  const xattrs = [...entry.xattrs]
    .map(([name, value]) => ` ${name}=${Buffer.from(value).toString('hex')}`)
    .join('');
  const rest = `${mode}${owner}${xattrs}`;
  switch (entry.type) {
    case 'file':
      return `file ${rest} ${entry.sizeBytes}`;
    case 'symlink':
      return `symlink${owner} -> ${entry.target}`;
    case 'hardlink':
      return `hardlink -> ${entry.target}`;
    case 'character-device':
    case 'block-device':
      return `${entry.type} ${rest} ${entry.major}:${entry.minor}`;
    default:
      return `${entry.type} ${rest}`;
  }
}

/** Describes each path of a layer. */
export async function describeLayer(path: string): Promise<Record<string, string>> {
  const items = await listLayer(openLayerFile(path));
  return Object.fromEntries(
    Array.from(items, (item): [string, string] =>
      item.kind === 'entry' ? [item.entry.path, describeEntry(item.entry)] : [item.path, item.kind],
    ),
  );
}

/** Reads a file of merged layers. */
export async function readMerged(layers: readonly string[], path: string): Promise<Buffer> {
  const tree = await mergeLayers(layers.map(openLayerFile));
  const inode = tree.get(path);
  if (inode === undefined) throw new Error(`${path} is not in the layers`);
  const pieces: Uint8Array[] = [];
  for await (const piece of readContent(inode)) pieces.push(piece);
  return Buffer.concat(pieces);
}
