/** Debian's policy. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ComparedPolicy } from '../../testing/selinux/compared-policy.ts';
import { instances } from '../../testing/selinux/instances.ts';
import { realPolicy } from '../../testing/selinux/real-policy.ts';

const folder = mkdtempSync(join(tmpdir(), 'selinux-'));
afterAll(() => rmSync(folder, { recursive: true }));

function walk(path: string, prefix: string, found: string[]): string[] {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    found.push(`${prefix}/${entry.name}`);
    if (entry.isDirectory()) walk(join(path, entry.name), `${prefix}/${entry.name}`, found);
  }
  return found;
}

describe('a real policy', () => {
  let policy: ComparedPolicy;
  let patterns: string[];
  const root = process.env['ICOS_HOST_TOOLS_ROOT'] ?? '';

  beforeAll(() => {
    const { fileContexts, homeDirectories } = realPolicy();
    const substitutions = readFileSync(
      join(root, 'etc/selinux/default/contexts/files/file_contexts.subs_dist'),
      'utf8',
    );
    policy = new ComparedPolicy(folder, 'file_contexts', {
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
