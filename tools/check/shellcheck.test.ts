import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { realTool } from '../lib/testing/real-tool.ts';

const WORKSPACE = resolve(import.meta.dirname, '../..');
/** Folders of a working copy that hold nothing of the project. */
const FOREIGN = /^(\.git|\.cache|dist|node_modules|bazel-.*)$/;
const SHELL = /^#!.*\b(sh|bash)\n|^# shellcheck shell=/;
/** What rules/private/apt_root.bzl may put into the template of its commands. */
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

/** The script as it runs: without the placeholders of a template. */
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

test('scripts of every kind are found: with an ending, with an interpreter line, and templates', () => {
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
