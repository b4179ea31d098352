import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realTool } from '../../testing/real-tool.ts';
import { instances } from '../../testing/selinux/instances.ts';
import { realPolicy } from '../../testing/selinux/real-policy.ts';
import { FileContexts, type FileContextsSources, type FileKind } from './selinux.ts';

const folder = mkdtempSync(join(tmpdir(), 'selinux-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The arguments of matchpathcon's option -m. */
const MODES: Readonly<Record<FileKind, string>> = {
  file: 'f',
  directory: 'd',
  symlink: 'l',
  'character-device': 'c',
  'block-device': 'b',
  fifo: 'p',
  socket: 's',
};
const KINDS = Object.keys(MODES) as FileKind[];

/** A command line is too short for all paths. */
const PATHS_PER_RUN = 8000;

/** Looks up paths of one type with libselinux. */
function matchpathcon(file: string, paths: readonly string[], kind: FileKind): string[] {
  const answers: string[] = [];
  for (let start = 0; start < paths.length; start += PATHS_PER_RUN) {
    const output = execFileSync(
      realTool('matchpathcon', 'selinux-utils'),
      ['-f', file, '-N', '-n', '-m', MODES[kind], '--', ...paths.slice(start, start + PATHS_PER_RUN)],
      { encoding: 'utf8', maxBuffer: 1 << 26, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    answers.push(...output.trimEnd().split('\n'));
  }
  return answers;
}

const SUFFIXES: Readonly<Record<keyof FileContextsSources, string>> = {
  fileContexts: '',
  homeDirectories: '.homedirs',
  local: '.local',
  distributionSubstitutions: '.subs_dist',
  substitutions: '.subs',
};

class Policy {
  readonly #path: string;
  readonly contexts: FileContexts;

  constructor(name: string, texts: Partial<Record<keyof FileContextsSources, string>>) {
    this.#path = join(folder, name);
    const sources: Partial<Record<keyof FileContextsSources, { name: string; text: string }>> = {};
    for (const [key, suffix] of Object.entries(SUFFIXES) as [keyof FileContextsSources, string][]) {
      const text = texts[key];
      if (text === undefined) continue;
      sources[key] = { name: `${name}${suffix}`, text };
      writeFileSync(`${this.#path}${suffix}`, text);
    }
    const { fileContexts = { name, text: '' }, ...others } = sources;
    this.contexts = new FileContexts({ fileContexts, ...others });
  }

  /** Lists the paths for which the results differ. */
  differences(paths: readonly string[], kinds: readonly FileKind[] = KINDS): string[] {
    return kinds.flatMap((kind) => {
      const answers = matchpathcon(this.#path, paths, kind);
      expect(answers.length).toBe(paths.length);
      return paths.flatMap((path, index) => {
        const ours = this.contexts.lookup(path, kind) ?? '<<none>>';
        return ours === answers[index] ? [] : [`${kind} ${path}: ${ours}, libselinux ${answers[index]}`];
      });
    });
  }
}

function walk(path: string, prefix: string, found: string[]): string[] {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    found.push(`${prefix}/${entry.name}`);
    if (entry.isDirectory()) walk(join(path, entry.name), `${prefix}/${entry.name}`, found);
  }
  return found;
}

/** Makes one line for each expression, with the labels `t0`, `t1`, ... */
function lines(patterns: readonly string[]): string {
  return patterns.map((pattern, index) => `${pattern}\t\tu:r:t${index}`).join('\n');
}

describe('matchpathcon agrees', () => {
  test.each<[string, string, string[]]>([
    [
      'about which of several lines wins: literals, then the last',
      `/.*  u:r:all
       /a/b/c/d/e  u:r:literal
       /a/b/c/d/.* u:r:deep
       /a/.*  u:r:shallow
       /a/b/c/d/none/.* <<none>>
       /.*/late u:r:late
       /a/none <<none>>
       /a/b/c/d/e -d u:r:directory
       /twice u:r:first
       /twice u:r:second
       /kinds -d u:r:d
       /kinds u:r:any
       /kinds -- u:r:f
       /a\\.b -l u:r:link
       # a comment
         /indented  --  u:r:indented  and more words
       /x/[^/]+ -c u:r:c
       /x/[^/]+ -b u:r:b
       /x/[^/]+ -p u:r:p
       /x/[^/]+ -s <<none>>`,
      [
        '/',
        '/a',
        '/a/b',
        '/a/b/c/d',
        '/a/b/c/d/e',
        '/a/b/c/d/f',
        '/a/b/c/d/none/late',
        '/a/b/c/d/none/x/late',
        '/a/late',
      ].concat([
        '/a/none',
        '/twice',
        '/kinds',
        '/a.b',
        '/axb',
        '/indented',
        '/x/y',
        '//x///y',
        '/a//b',
        '/a/b/c/d/e/f',
      ]),
    ],
    [
      'about anchors of expressions, a newline at the end, and bytes',
      lines(['/a|/b', '/c', '/c$', '/d.', '/e..', '/f[^/]', '(/g)?', '/h(/i)?', '/j/?']),
      [
        '/a',
        '/a/x',
        '/b',
        '/x/b',
        '/bb',
        '/c',
        '/dé',
        '/eé',
        '/d\n',
        '/c\n',
        '/fé',
        '/g',
        '/h/i',
        '/h/i\n',
        '/j',
        '/j/',
        '/h\n',
      ],
    ],
    [
      'about classes',
      lines([
        '/a[]x]',
        '/b[^]x]',
        '/c[a\\-z]',
        '/d[\\w.-]',
        '/e[a-]',
        '/f[[:alpha:]_]+',
        '/g[[:xdigit:][:space:]]',
        '/h[x\\d-]',
        '/i[a\\]b]',
        '/j[$|(]',
        '/k[[:^x]',
        '/l[\\b]',
        '/m[.]n',
        '/n[\\x41-\\x43]',
        '/o[^\\s]',
        '/p[a-z0-9_.]+',
      ]).replace('[[:^x]', '[[x]'),
      [
        '/a]',
        '/ax',
        '/b]',
        '/by',
        '/c-',
        '/cb',
        '/d-',
        '/d.',
        '/dw',
        '/e-',
        '/f_é',
        '/fab_',
        '/gF',
        '/g\t',
        '/gG',
        '/h-',
        '/h5',
        '/hx',
        '/i]',
        '/j|',
        '/k[',
        '/kx',
        '/l\b',
        '/m.n',
        '/mxn',
        '/nB',
        '/nD',
        '/o\u00a0',
        '/ox',
        '/pa.b',
      ],
    ],
    [
      'about escapes and repetitions',
      lines([
        '/a\\d+',
        '/b\\D',
        '/c\\w*',
        '/d\\s',
        '/e\\.x',
        '/f\\_\\-\\,',
        '/g{2}',
        '/h{2,}',
        '/i{1,2}',
        '/j{x}',
        '/k+?',
        '/l*',
        '/m(ab){2}',
        '/n\\x2e',
        '/o\\h\\v?',
        '/p\\tq',
        '/q(?:x|y)',
        '/r(?=s)..',
        '/t(?!u).',
        '/v\\bw',
        '/w\\b.*',
        '/x(a|b|)c',
        '/y}',
        '/z]',
        '/A\\{',
        '/B\\z',
        '/C\\\\d',
        '/D\\@',
      ]),
      [
        '/a1',
        '/a',
        '/bx',
        '/b1',
        '/c',
        '/cé',
        '/d ',
        '/d\u00a0',
        '/e.x',
        '/exx',
        '/f_-,',
        '/gg',
        '/ggg',
        '/hhh',
        '/i',
        '/ii',
        '/iii',
        '/j{x}',
        '/kk',
        '/',
        '/lll',
        '/mabab',
        '/n.',
        '/o ',
        '/p\tq',
        '/qx',
        '/qz',
        '/rst',
        '/rxt',
        '/tu',
        '/tv',
        '/vw',
        '/w-',
        '/wx',
        '/xc',
        '/xac',
        '/y}',
        '/z]',
        '/A{',
        '/B',
        '/B\n',
        '/C\\d',
        '/D@',
      ],
    ],
  ])('%s', (name, text, paths) => {
    const policy = new Policy(name.replaceAll(' ', '-').slice(0, 30), { fileContexts: `${text}\n` });
    expect(policy.differences(paths.filter((path) => !path.endsWith('\n')))).toEqual([]);
    const single = (path: string) => policy.differences([path]).map((line) => line.replaceAll('\n', '\\n'));
    for (const path of paths.filter((found) => found.endsWith('\n'))) expect(single(path)).toEqual([]);
  });

  test('about homedirs, local and substitutions', () => {
    const policy = new Policy('all-files', {
      fileContexts: lines(['/.*', '/usr/lib/.*', '/home/a', '/srv/.*', '/']),
      homeDirectories: '/home/.* u:r:home\n/home/b u:r:literal-home\n/usr/lib/x.* u:r:home-lib\n',
      local: '/usr/lib/xy.* u:r:local\n/srv/.* <<none>>\n/.*/z u:r:z\n',
      distributionSubstitutions:
        '/lib /usr/lib\n/lib64/lib /nowhere\n/lib64 /usr/lib\n#/a /b\n/one\n/slash /\n/two /one/x more\n',
      substitutions: '/mine /lib\n/lib/own /srv\n',
    });
    const paths = [
      '/',
      '/x',
      '/home',
      '/home/a',
      '/home/b',
      '/home/c',
      '/usr/lib/xx',
      '/usr/lib/xyz',
      '/lib',
      '/lib/',
      '/lib/xyz',
    ];
    paths.push(
      '/libx/xyz',
      '/lib64/xyz',
      '/lib64/lib/xyz',
      '/mine/xyz',
      '/lib/own/q',
      '/srv/q',
      '/srv/z',
      '/slash',
      '/slash/usr/lib/xx',
      '/two/z',
      '/one/z',
    );
    expect(policy.differences(paths)).toEqual([]);
  });

  test('about random expressions and paths', () => {
    const word = fc.constantFrom(
      'a',
      'b',
      'ab',
      '.',
      '[^/]',
      '(a|b)',
      '(/.*)?',
      'b*',
      '\\.',
      '[ab]+',
      '.*',
      '/',
      'a?',
      '/a',
    );
    const pattern = fc.array(word, { minLength: 1, maxLength: 6 }).map((words) => `/${words.join('')}`);
    const line = fc.tuple(pattern, fc.constantFrom('', '--', '-d'), fc.boolean());
    const path = fc
      .array(fc.constantFrom('a', 'b', '/', '.', '/a', '/b'), { maxLength: 8 })
      .map((parts) => `/${parts.join('')}`);
    fc.assert(
      fc.property(
        fc.array(line, { minLength: 1, maxLength: 12 }),
        fc.array(path, { minLength: 40, maxLength: 40 }),
        (specifications, paths) => {
          const text = specifications.map(
            ([expression, type, none], index) =>
              `${expression} ${type} ${none && index % 3 === 0 ? '<<none>>' : `u:r:t${index}`}\n`,
          );
          expect(
            new Policy('random', { fileContexts: text.join('') }).differences(paths, ['file', 'directory']),
          ).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('a real policy', () => {
  let policy: Policy;
  let patterns: string[];
  const root = process.env['ICOS_HOST_TOOLS_ROOT'] ?? '';

  beforeAll(() => {
    const { fileContexts, homeDirectories } = realPolicy();
    const substitutions = readFileSync(
      join(root, 'etc/selinux/default/contexts/files/file_contexts.subs_dist'),
      'utf8',
    );
    policy = new Policy('file_contexts', {
      fileContexts,
      homeDirectories,
      distributionSubstitutions: substitutions,
    });
    patterns = [fileContexts, homeDirectories].flatMap((text) =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => line.split('\t')[0] ?? ''),
    );
  });

  test('labels every path in it', () => {
    const literal = patterns.map((pattern) => pattern.replaceAll('\\', ''));
    const stems = patterns.map((pattern) => pattern.replace(/[.^$?*+|[({].*$/, '').replaceAll('\\', ''));
    const paths = [
      ...new Set([
        ...literal,
        ...stems,
        ...stems.map((stem) => `${stem}/x`),
        ...stems.map((stem) => `${stem}x`),
      ]),
    ];
    const tested = paths.filter((path) => path.startsWith('/'));
    expect(tested.length).toBeGreaterThan(10_000);
    expect(policy.differences(tested)).toEqual([]);
  });

  test('labels instances of each of its expressions', () => {
    const generated = [...new Set(patterns)].flatMap((pattern, index) => instances(pattern, 4, index));
    const paths = [...new Set(generated)].filter((path) => path.startsWith('/'));
    expect(paths.length).toBeGreaterThan(10_000);
    expect(policy.differences(paths)).toEqual([]);
  });

  test("labels every path of the tests' own Debian packages", () => {
    const roots = [root, process.env['ICOS_STEP_RUNNER_ROOT'] ?? ''];
    const paths = [...new Set(roots.flatMap((path) => walk(path, '', [])))];
    expect(paths.length).toBeGreaterThan(2500);
    expect(policy.differences(paths, ['file', 'directory', 'symlink'])).toEqual([]);
  });
});
