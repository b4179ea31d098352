/** Images for tests, made by the real tools, and functions that run the command. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileImage } from '../../lib/formats/block/file.ts';
import { userMessage } from '../../lib/runtime/cli/cli.ts';
import { noise } from '../../lib/testing/noise.ts';
import { realTool } from '../../lib/testing/real-tool.ts';
import { runCommand } from '../arguments.ts';
import { Output } from '../output.ts';

export const MIB = 1 << 20;
const MAIN = join(import.meta.dirname, '..', 'main.ts');
const MAX_OUTPUT_BYTES = 1 << 28;

export interface Result {
  readonly status: number;
  readonly stdout: Buffer;
  /** The error message, if any. */
  readonly error: string | undefined;
}

/** Runs the command in this process. Any error other than a UserError fails the test. */
export async function run(...args: string[]): Promise<Result> {
  const chunks: Buffer[] = [];
  const output = new Output((bytes) => {
    chunks.push(Buffer.from(bytes));
    return bytes.length;
  });
  try {
    const status = await runCommand(args, output);
    output.flush();
    return { status, stdout: Buffer.concat(chunks), error: undefined };
  } catch (error) {
    const message = userMessage(error);
    if (message === undefined) throw error;
    output.flush();
    return { status: 1, stdout: Buffer.concat(chunks), error: message };
  }
}

/** Runs a command that must succeed; returns its lines. */
export async function lines(...args: string[]): Promise<string[]> {
  const { status, stdout, error } = await run(...args);
  if (error !== undefined || status !== 0)
    throw new Error(`icos-image ${args.join(' ')}: ${status}: ${error}`);
  return stdout.toString().split('\n').slice(0, -1);
}

/** Runs the command as a process. */
export function runProcess(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

export function tool(
  name: string,
  debianPackage: string,
  args: readonly string[],
  input?: Uint8Array,
): Buffer {
  return execFileSync(realTool(name, debianPackage), args, {
    input,
    stdio: ['pipe', 'pipe', 'pipe'],
    maxBuffer: MAX_OUTPUT_BYTES,
    env: { ...process.env, TZ: 'UTC', LC_ALL: 'C', MTOOLS_SKIP_CHECK: '1' },
  });
}

/** A directory that is removed when the process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'icos-image-test-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const PASSWD = 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/usr/sbin/nologin\n';
export const BIG_FILE = noise(2_500_001, 7);
const TIME_SECONDS = 1_600_000_000;

/** Makes a tree of every entry type that needs no root. */
export function makeTree(folder: string): string {
  mkdirSync(join(folder, 'etc/empty'), { recursive: true });
  mkdirSync(join(folder, 'usr/bin'), { recursive: true });
  writeFileSync(join(folder, 'etc/passwd'), PASSWD);
  writeFileSync(join(folder, 'etc/shadow'), 'root:*:\n', { mode: 0o600 });
  writeFileSync(join(folder, 'etc/with:colon'), 'colon\n');
  writeFileSync(join(folder, 'usr/bin/tool'), BIG_FILE);
  chmodSync(join(folder, 'usr/bin/tool'), 0o4755);
  linkSync(join(folder, 'usr/bin/tool'), join(folder, 'usr/bin/also'));
  writeFileSync(join(folder, 'holes'), 'start');
  truncateSync(join(folder, 'holes'), 3 * MIB + 11);
  symlinkSync('usr/bin', join(folder, 'bin'));
  symlinkSync('/etc/passwd', join(folder, 'users'));
  writeFileSync(join(folder, 'new\nline'), 'line\n');
  writeFileSync(Buffer.from(`${folder}/latin-\xe9`, 'latin1'), 'latin\n');
  utimesSync(join(folder, 'etc/passwd'), TIME_SECONDS, TIME_SECONDS);
  chmodSync(join(folder, 'etc'), 0o755);
  return folder;
}

export const EXT4_UUID = '01234567-89ab-cdef-0123-456789abcdef';

/** @param more additional options of mke2fs */
export function ext4Image(path: string, tree: string | undefined, more: readonly string[] = []): string {
  const from = tree === undefined ? [] : ['-d', tree];
  const args = [
    '-q',
    '-F',
    '-t',
    'ext4',
    '-b',
    '4096',
    '-L',
    'tests',
    '-U',
    EXT4_UUID,
    '-E',
    'root_owner=0:0',
    ...from,
    ...more,
  ];
  tool('mke2fs', 'e2fsprogs', [...args, path, '16M']);
  return path;
}

export function fatImage(path: string): string {
  tool('mkfs.vfat', 'dosfstools', ['-C', '-n', 'TESTS', '-i', '1234abcd', path, '8192']);
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'EFI/boot'), { recursive: true });
  writeFileSync(join(folder, 'EFI/boot/bootx64.efi'), noise(70_000, 3));
  writeFileSync(join(folder, 'A long name, really.txt'), 'long\n');
  tool('mcopy', 'mtools', ['-s', '-m', '-i', path, join(folder, 'EFI'), '::/']);
  tool('mcopy', 'mtools', ['-i', path, join(folder, 'A long name, really.txt'), '::/']);
  return path;
}

export function erofsImage(path: string, tree: string): string {
  tool('mkfs.erofs', 'erofs-utils', ['--quiet', '-L', 'tests', '-U', EXT4_UUID, path, tree]);
  return path;
}

export interface DiskPartition {
  readonly name: string;
  /** In MiB. */
  readonly start: number;
  readonly size: number;
  /** sgdisk's type code. */
  readonly type: string;
  readonly uuid: string;
  readonly image: string | undefined;
}

export const DISK_UUID = '11111111-2222-4333-8444-555555555555';

/** Makes a raw disk with sgdisk and writes the images into its partitions. */
export function diskImage(path: string, sizeMebibytes: number, partitions: readonly DiskPartition[]): string {
  FileImage.create(path, sizeMebibytes * MIB).close();
  const options = partitions.flatMap(({ name, start, size, type, uuid }, index) => {
    const number = index + 1;
    return [
      `--new=${number}:${start}M:+${size}M`,
      `--change-name=${number}:${name}`,
      `--typecode=${number}:${type}`,
      `--partition-guid=${number}:${uuid}`,
    ];
  });
  tool('sgdisk', 'gdisk', ['--clear', `--disk-guid=${DISK_UUID}`, ...options, path]);
  for (const { start, image } of partitions)
    if (image !== undefined) patch(path, start * MIB, readFileSync(image));
  return path;
}

/** Overwrites bytes of a file. */
export function patch(path: string, offsetBytes: number, bytes: Uint8Array): void {
  tool(
    'dd',
    'coreutils',
    [`of=${path}`, 'bs=64K', `seek=${offsetBytes}`, 'oflag=seek_bytes', 'conv=notrunc', 'status=none'],
    bytes,
  );
}

/** Inverts one byte of a file. */
export function flip(path: string, offsetBytes: number): void {
  const byte = readFileSync(path)[offsetBytes] ?? 0;
  patch(path, offsetBytes, Buffer.of(byte ^ 0xff));
}
