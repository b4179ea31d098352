import type { ImageEntry } from '../../lib/image/manifest/manifest.ts';
import type { Image } from '../image.ts';

const SET_ID_BITS = 0o6000;

/** Reads a file of a partition of the image, by its path in the partition. */
export type ReadFile = (partition: string, path: string) => Uint8Array;

function* regularFiles(image: Image): Iterable<ImageEntry> {
  for (const entry of image.manifest.entries) if (entry.type === 'file') yield entry;
}

/** Reads a text file of the image. Returns `undefined` if the partition has no such file. */
function readText(image: Image, readFile: ReadFile, partition: string, path: string): string | undefined {
  const isThere = image.manifest.entries.some(
    (entry) =>
      entry.partition === partition &&
      entry.path === path &&
      (entry.type === 'file' || entry.type === 'hardlink'),
  );
  return isThere ? Buffer.from(readFile(partition, path)).toString('utf8') : undefined;
}

/** Checks that exactly the files on the list are set-uid or set-gid. */
export function setUidProblems(image: Image, allowed: readonly string[]): string[] {
  const found = new Set<string>();
  for (const { path, mode } of regularFiles(image)) {
    if ((Number.parseInt(mode, 8) & SET_ID_BITS) !== 0) found.add(path);
  }
  return [
    ...[...found].filter((path) => !allowed.includes(path)).map((path) => `${path} is set-uid or set-gid`),
    ...allowed
      .filter((path) => !found.has(path))
      .map((path) => `${path} is on the list of set-uid files, but is not one in the image`),
  ];
}

const HOST_KEY = /^\/etc\/ssh\/ssh_host_.*key/;
const PRIVATE_KEY = /^-----BEGIN [A-Z ]*PRIVATE KEY-----/m;
/**
 * Larger files are not searched for private keys. A key is a short text, but programs that read
 * keys contain its first line, too.
 */
const KEY_LIMIT_BYTES = 1 << 16;

/** Checks that the image contains no secret, and no identity that all machines would share. */
export function secretProblems(image: Image, readFile: ReadFile): string[] {
  const problems: string[] = [];
  for (const { partition, path, sizeBytes = 0 } of regularFiles(image)) {
    if (HOST_KEY.test(path)) problems.push(`${partition}:${path}: it is an ssh host key`);
    if (/^\/(etc|var\/lib\/dbus)\/machine-id$/.test(path) && sizeBytes > 0) {
      problems.push(`${partition}:${path}: it contains a machine id`);
    }
    if (sizeBytes === 0 || sizeBytes > KEY_LIMIT_BYTES) continue;
    const content = Buffer.from(readFile(partition, path));
    if (!content.includes(0) && PRIVATE_KEY.test(content.toString('latin1'))) {
      problems.push(`${partition}:${path}: it contains a private key`);
    }
  }
  return problems;
}

/**
 * Whether a password field of /etc/shadow (shadow(5)) allows a login with a password or without
 * one.
 */
function hasPassword(field: string): boolean {
  return !field.startsWith('!') && !field.startsWith('*');
}

/** The units of systemd that start a login prompt or a shell on a console. */
const PROMPT_UNITS = [
  'autovt@.service',
  'console-getty.service',
  'container-getty@.service',
  'debug-shell.service',
  'getty.target',
  'getty@.service',
  'serial-getty@.service',
];

/**
 * Checks that every unit that starts a prompt is masked: a link to /dev/null, so that no dependency
 * and no command can start the unit.
 */
function promptProblems(image: Image): string[] {
  const entries = new Map(image.manifest.entries.map((entry) => [entry.path, entry]));
  return PROMPT_UNITS.filter((unit) => entries.has(`/usr/lib/systemd/system/${unit}`))
    .filter((unit) => entries.get(`/etc/systemd/system/${unit}`)?.target !== '/dev/null')
    .map((unit) => `${unit} can start a login prompt; mask it`);
}

/** Checks that no user (policy `none`) or only root (policy `root`) can log in with a password. */
export function loginProblems(
  image: Image,
  readFile: ReadFile,
  policy: string,
  rootPartition: string,
): string[] {
  const shadow = readText(image, readFile, rootPartition, '/etc/shadow');
  if (shadow === undefined) {
    return [
      `${rootPartition}:/etc/shadow is not a file of the image; who can log in with a password cannot be checked`,
    ];
  }
  const open = shadow
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([user, field]) => user && field !== undefined && hasPassword(field))
    .map(([user]) => user);
  const expected = policy === 'root' ? 'root' : '';
  if (open.join(', ') !== expected) {
    return [`can log in with a password: ${open.join(', ') || 'nobody'}; expected: ${expected || 'nobody'}`];
  }
  return policy === 'none' ? promptProblems(image) : [];
}

const IC_PATH = /\/opt\/ic\/[A-Za-z0-9_./-]*[A-Za-z0-9_-]/g;

/** Checks that every path below /opt/ic that a component file names is in the image. */
export function referenceProblems(image: Image, files: ReadonlyMap<string, string>): string[] {
  const present = new Set(image.manifest.entries.map(({ path }) => path));
  const problems: string[] = [];
  for (const [file, text] of files) {
    for (const [path] of text.matchAll(IC_PATH)) {
      if (!present.has(path)) problems.push(`${file} names ${path}, which does not exist in the image`);
    }
  }
  return problems;
}

/**
 * Checks that the version is the same in the root and boot file systems, in the manifest and in the
 * version file.
 */
export function versionProblems(
  image: Image,
  readFile: ReadFile,
  version: string,
  places: readonly (readonly [string, string])[],
): string[] {
  const found = places.map(
    ([partition, path]) =>
      [`${partition}:${path}`, readText(image, readFile, partition, path)?.trim()] as const,
  );
  return [...found, ['image.json', image.manifest.version] as const]
    .filter(([, text]) => text !== version)
    .map(([where, text]) =>
      text === undefined
        ? `${where} is not a file of the image`
        : `${where} has the version ${text}, not ${version}`,
    );
}
