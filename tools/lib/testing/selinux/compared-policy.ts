/** Compares the labels of policies with those of libselinux, by matchpathcon. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { FileContexts, type FileContextsSources, type FileKind } from '../../formats/selinux/selinux.ts';
import { realTool } from '../real-tool.ts';

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

/** The number of paths per call, because a command line has a maximum length. */
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

/** A policy whose labels are compared with those of libselinux. */
export class ComparedPolicy {
  readonly #path: string;
  readonly contexts: FileContexts;

  /** @param folder for the files of the policy */
  constructor(folder: string, name: string, texts: Partial<Record<keyof FileContextsSources, string>>) {
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
