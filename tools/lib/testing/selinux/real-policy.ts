/** Reads the file contexts of a real policy, Debian's selinux-policy-default. */
import { execFileSync } from 'node:child_process';
import { readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { structure } from '../../formats/structure/structure.ts';

/** A line of a policy's source. */
interface SourceLine {
  readonly pattern: string;
  readonly rest: readonly string[];
}

export interface PolicyFiles {
  readonly fileContexts: string;
  readonly homeDirectories: string;
}

const TEMPLATE = /HOME_DIR|HOME_ROOT|%\{USERID\}|%\{USERNAME\}|USER/;

/** libsepol, module.h and module_to_cil.c: a policy package, and its section of file contexts. */
const PACKAGE_MAGIC = 0xf97cff8f;
const FILE_CONTEXTS_MAGIC = 0xf97cff90;
const PACKAGE_HEADER = structure([
  [0, 4, 'magic'],
  [4, 4, 'version'],
  [8, 4, 'nsec'],
]);
/** The header is followed by the offset of each section within the package. */
const SECTION_OFFSET_BYTES = 4;

/** The concatenation of the policy's packages, decompressed by libarchive's bsdcat. */
function packages(): Buffer {
  const root = process.env['ICOS_HOST_TOOLS_ROOT'];
  if (root === undefined)
    throw new Error('this test needs ICOS_HOST_TOOLS_ROOT: run it with tools/bazel test');
  const folder = join(root, 'usr/share/selinux/default');
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.pp.bz2'))
    .sort()
    .map((name) => join(folder, name));
  const program = realpathSync(join(root, 'usr/bin/bsdcat'));
  const libraries = dirname(realpathSync(join(root, 'usr/lib/x86_64-linux-gnu/libc.so.6')));
  const loader = join(libraries, 'ld-linux-x86-64.so.2');
  return execFileSync(loader, ['--library-path', libraries, program, ...files], { maxBuffer: 1 << 29 });
}

/** Extracts the file contexts of the policy's modules. */
function moduleContexts(): SourceLine[] {
  const bytes = packages();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const magic = Buffer.alloc(4);
  magic.writeUInt32LE(PACKAGE_MAGIC);
  const texts: string[] = [];
  for (let start = 0; start >= 0 && start < bytes.length; ) {
    const sectionCount = PACKAGE_HEADER.at.nsec.get(view, start);
    const offsets = Array.from(
      { length: sectionCount },
      (_, index) =>
        start + bytes.readUInt32LE(start + PACKAGE_HEADER.sizeBytes + SECTION_OFFSET_BYTES * index),
    );
    // Only text follows the first section, the module.
    const next = bytes.indexOf(magic, offsets.at(-1));
    const ends = [...offsets.slice(1), next < 0 ? bytes.length : next];
    for (const [index, offset] of offsets.entries()) {
      if (bytes.readUInt32LE(offset) !== FILE_CONTEXTS_MAGIC) continue;
      texts.push(bytes.toString('latin1', offset + 4, ends[index]));
    }
    start = next;
  }
  return texts
    .flatMap((text) => text.split('\n'))
    .map((line) => line.trim().split(/\s+/))
    .filter(([word = '']) => word !== '' && !word.startsWith('#'))
    .map(([pattern = '', ...rest]) => ({ pattern, rest }));
}

/** Measures an expression (libsepol, cil_post.c, `cil_post_fc_fill_data`). */
function measure(pattern: string): { hasMeta: boolean; stemLength: number; length: number } {
  let [hasMeta, stemLength, length] = [false, 0, 0];
  for (let index = 0; index < pattern.length; index++, length++) {
    if ('.^$?*+|[({'.includes(pattern[index] ?? '')) {
      hasMeta = true;
      continue;
    }
    if (pattern[index] === '\\') index++;
    if (!hasMeta) stemLength++;
  }
  return { hasMeta, stemLength, length };
}

/** libsepol, cil_internal.h: the order of `enum cil_filecon_types`. */
const TYPE_ORDER: Readonly<Record<string, number>> = {
  '--': 1,
  '-d': 2,
  '-c': 3,
  '-b': 4,
  '-s': 5,
  '-p': 6,
  '-l': 7,
};

/** Compares lines in the order of a policy's store (`cil_post_filecon_compare`). */
function compareLines(left: SourceLine, right: SourceLine): number {
  const [a, b] = [measure(left.pattern), measure(right.pattern)];
  if (a.hasMeta !== b.hasMeta) return a.hasMeta ? -1 : 1;
  const type = (line: SourceLine) => TYPE_ORDER[line.rest[0] ?? ''] ?? 0;
  return (
    a.stemLength - b.stemLength ||
    a.length - b.length ||
    type(left) - type(right) ||
    (left.pattern < right.pattern ? -1 : left.pattern > right.pattern ? 1 : 0)
  );
}

function text(lines: readonly SourceLine[]): string {
  return `${lines.map(({ pattern, rest }) => [pattern, ...rest].join('\t')).join('\n')}\n`;
}

/**
 * Expands templates as genhomedircon does on a system without other accounts: for the fallback user
 * and root.
 */
function expandHomes(lines: readonly SourceLine[]): SourceLine[] {
  const users = [
    { name: '[^/]+', id: '[0-9]+', home: '/home/[^/]+', label: 'user_u' },
    { name: 'root', id: '0', home: '/root', label: 'root' },
  ];
  return users.flatMap(({ name, id, home, label }) =>
    lines.map(({ pattern, rest }) => ({
      pattern: pattern
        .replaceAll('HOME_DIR', home)
        .replaceAll('HOME_ROOT', '/home')
        .replaceAll('%{USERID}', id)
        .replaceAll('%{USERNAME}', name)
        .replaceAll('USER', name),
      rest: rest.map((word) => word.replace(/^system_u/, label)),
    })),
  );
}

/** Makes the policy's files, in the order of semodule. */
export function realPolicy(): PolicyFiles {
  const lines = moduleContexts().sort(compareLines);
  const isTemplate = ({ pattern }: SourceLine) => TEMPLATE.test(pattern);
  return {
    fileContexts: text(lines.filter((line) => !isTemplate(line))),
    homeDirectories: text(expandHomes(lines.filter(isTemplate))),
  };
}
