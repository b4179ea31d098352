/** Constructs of PCRE2, random policies, and the files around file_contexts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { ComparedPolicy } from '../../testing/selinux/compared-policy.ts';

const folder = mkdtempSync(join(tmpdir(), 'selinux-'));
afterAll(() => rmSync(folder, { recursive: true }));

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
    const policy = new ComparedPolicy(folder, name.replaceAll(' ', '-').slice(0, 30), {
      fileContexts: `${text}\n`,
    });
    expect(policy.differences(paths.filter((path) => !path.endsWith('\n')))).toEqual([]);
    const single = (path: string) => policy.differences([path]).map((line) => line.replaceAll('\n', '\\n'));
    for (const path of paths.filter((found) => found.endsWith('\n'))) expect(single(path)).toEqual([]);
  });

  test('about homedirs, local and substitutions', () => {
    const policy = new ComparedPolicy(folder, 'all-files', {
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
            new ComparedPolicy(folder, 'random', { fileContexts: text.join('') }).differences(paths, [
              'file',
              'directory',
            ]),
          ).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });
});
