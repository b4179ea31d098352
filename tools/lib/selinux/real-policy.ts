/** The file contexts of a real policy, for tests: Debian's selinux-policy-default. */
import { runInKernel } from '../test-kernel/test-kernel.ts';

/** One line of a policy's source. */
interface SourceLine {
  readonly pattern: string;
  readonly rest: readonly string[];
}

export interface PolicyFiles {
  readonly fileContexts: string;
  readonly homeDirectories: string;
}

const TEMPLATE = /HOME_DIR|HOME_ROOT|%\{USERID\}|%\{USERNAME\}|USER/;

/** The file contexts that are in the policy's modules, as the real tool takes them out. */
async function moduleContexts(): Promise<SourceLine[]> {
  const { output, status } = await runInKernel({
    disks: [],
    script: `
      cd /tmp
      for module in /tools/usr/share/selinux/default/*.pp.bz2; do
        bunzip2 -c "$module" >module.pp
        tool semodule_unpackage module.pp module.mod module.fc
        cat module.fc
        echo
      done
    `,
  });
  if (status !== 0) throw new Error(`semodule_unpackage: ${output}`);
  return output
    .toString()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([word = '']) => word !== '' && !word.startsWith('#'))
    .map(([pattern = '', ...rest]) => ({ pattern, rest }));
}

/** libsepol, cil_post.c, `cil_post_fc_fill_data`. */
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

/** `cil_post_filecon_compare`: the order that a policy's store is written in. */
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

/** As genhomedircon does it for a system without accounts of its own: the fallback user, and root. */
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

/** The policy's files in the order that semodule gives them. */
export async function realPolicy(): Promise<PolicyFiles> {
  const lines = (await moduleContexts()).sort(compareLines);
  const isTemplate = ({ pattern }: SourceLine) => TEMPLATE.test(pattern);
  return {
    fileContexts: text(lines.filter((line) => !isTemplate(line))),
    homeDirectories: text(expandHomes(lines.filter(isTemplate))),
  };
}
