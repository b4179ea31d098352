import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { realTool } from '../lib/testing/real-tool.ts';

const WORKSPACE = resolve(import.meta.dirname, '../..');
/** Directories of a working copy that do not belong to the project. */
const FOREIGN = /^(\.git|\.cache|dist|node_modules|bazel-.*)$/;
const SHELL = /^#!.*\b(sh|bash)\n|^# shellcheck shell=/;
/** Sample values for the placeholders of the template that rules/private/apt_root.bzl fills in. */
const SAMPLES: Readonly<Record<string, string>> = {
  ARGUMENTS: '-L "$root/usr/share" ',
  ENVIRONMENT: 'LOCPATH="$root/usr/lib/locale"\nexport LOCPATH\n',
};

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return FOREIGN.test(entry.name) ? [] : filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}

function scripts(): string[] {
  const isScript = (path: string): boolean =>
    path.endsWith('.sh') || SHELL.test(readFileSync(path, 'latin1'));
  return filesBelow(WORKSPACE)
    .filter(isScript)
    .map((path) => relative(WORKSPACE, path));
}

/** Reads a script. Fills in the placeholders of a template. */
function textOf(path: string): string {
  const text = readFileSync(join(WORKSPACE, path), 'utf8');
  return path.endsWith('.tpl')
    ? text.replace(/%\{(\w+)\}%/g, (_, name: string) => SAMPLES[name] ?? name)
    : text;
}

test.each(scripts())('shellcheck finds nothing in %s', (path) => {
  const { stdout, stderr } = spawnSync(realTool('shellcheck', 'shellcheck'), ['--color=never', '-'], {
    input: textOf(path),
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  expect(stdout + stderr, path).toBe('');
});

test('scripts are found by their ending and by their first line, and templates too', () => {
  expect(scripts()).toEqual(
    expect.arrayContaining([
      '.ci/run',
      'ic-os/bootloader/initramfs/init',
      'ic-os/components/boot/setup-var.sh',
      'rules/private/apt_command.sh.tpl',
      'test/consumer/hello.sh',
      'tools/bazel',
      'tools/lib/image/steps/guest.sh',
    ]),
  );
});
