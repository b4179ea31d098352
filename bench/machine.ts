/** Describes the machine and the programs that the figures were measured with. */
import { spawnSync } from 'node:child_process';
import { readFileSync, statfsSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseLock } from '../tools/update-lock/lock.ts';
import { BENCH_WORKSPACE } from './bazel.ts';

const GIBIBYTE = 1024 ** 3;
/** Packages of bench/tools.packages whose versions the document names. */
const TOOL_PACKAGES = [
  'coreutils',
  'cryptsetup-bin',
  'dosfstools',
  'e2fsprogs',
  'erofs-utils',
  'fakeroot',
  'fdisk',
  'genimage',
  'mtools',
  'pigz',
  'systemd-repart',
  'tar',
  'zstd',
];

export interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly memoryGib: number;
  readonly kernel: string;
  /** The type of the file system of the work folder. */
  readonly fileSystem: string;
}

export function machine(folder: string): Machine {
  const found = spawnSync('stat', ['--file-system', '--format=%T', folder], { encoding: 'utf8' });
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    processors: availableParallelism(),
    memoryGib: Math.round(totalmem() / GIBIBYTE),
    kernel: release(),
    fileSystem: found.status === 0 ? found.stdout.trim() : 'unknown',
  };
}

/** Returns the versions of Node and of the peers, by name. */
export function versions(): Readonly<Record<string, string>> {
  const path = join(BENCH_WORKSPACE, 'tools.lock.json');
  const packages = parseLock(readFileSync(path, 'utf8'), path)?.packages ?? [];
  const found = packages.filter(({ name }) => TOOL_PACKAGES.includes(name));
  return {
    node: process.versions.node,
    ...Object.fromEntries(found.map(({ name, version }) => [name, version])),
  };
}

/** Returns the memory that is available to programs now, in bytes. */
export function availableMemoryBytes(): number {
  const kib = /^MemAvailable:\s*(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return Number(kib ?? 0) * 1024;
}

export function freeDiskBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** A Node program that writes to memory once: many hypervisors provide memory only on first use. */
const TOUCH = `
const piece = 2 ** 28;
const pieces = [];
for (let left = Number(process.argv[1]); left >= piece; left -= piece) pieces.push(Buffer.alloc(piece, 1));
`;
const TOUCHED_MAXIMUM_BYTES = 16 * GIBIBYTE;
const TOUCHED_SHARE = 0.75;

/**
 * Writes to most of the memory once, in a separate process, so that no measurement is the first to
 * use it.
 */
export function touchMemory(): void {
  const bytes = Math.min(TOUCHED_MAXIMUM_BYTES, Math.floor(availableMemoryBytes() * TOUCHED_SHARE));
  const { status, signal } = spawnSync(process.execPath, ['--eval', TOUCH, String(bytes)]);
  if (status !== 0) throw new Error(`cannot write to ${bytes} bytes of memory: ${status ?? signal}`);
}
