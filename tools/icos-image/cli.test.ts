import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ext4Image, makeTree, PASSWD, run, runProcess, temporaryFolder } from './testing/workbench.ts';

const folder = temporaryFolder();

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('the command', () => {
  test.each([[[]], [['--help']], [['-h']], [['ls', '--help']]])('prints its usage: %j', async (args) => {
    const { status, stdout: bytes, error } = await run(...args);
    expect([status, error]).toEqual([0, undefined]);
    const stdout = bytes.toString();
    for (const command of ['inspect', 'ls', 'cat', 'extract', 'verify', 'diff']) {
      expect(stdout).toMatch(new RegExp(`^ {2}icos-image ${command} `, 'm'));
    }
  });

  test.each([
    [
      'an unknown command',
      ['list', 'x'],
      /"list" is not a command; the commands are inspect, ls, cat, extract, verify, diff/,
    ],
    ['a name that every object has', ['toString'], /"toString" is not a command/],
    ['no image', ['inspect'], /inspect: the image is missing/],
    ['no file', ['cat', file('empty', '')], /the file is empty/],
    ['an unknown option', ['ls', '--nonsense', 'x'], /Unknown option '--nonsense'/],
    [
      'an argument too many',
      ['inspect', ext4Image(join(folder, 'a.img'), undefined), 'b'],
      /"b" is one argument too many/,
    ],
    ['a missing image', ['ls', join(folder, 'nowhere')], /nowhere: no such file or directory/],
    ['a directory', ['ls', folder], /it is a directory; name the file of an image/],
    ['text', ['inspect', file('text', 'hello\n')], /text: an unknown format: it is not a disk with a GPT/],
    ['zeros', ['inspect', file('zeros', Buffer.alloc(10_000))], /zeros: only zeros: it is not a disk/],
    [
      'a boot sector',
      ['inspect', file('mbr', Buffer.concat([Buffer.alloc(510, 1), Buffer.of(0x55, 0xaa)]))],
      /mbr: a boot sector or MBR without a GPT/,
    ],
    [
      'broken zstd',
      ['ls', file('broken.zst', Buffer.from('28b52ffd0000000000000000', 'hex'))],
      /broken\.zst: .*zstd data is (damaged|truncated)/,
    ],
    [
      'broken gzip',
      ['ls', file('broken.gz', Buffer.from('1f8b080000000000000300ffff', 'hex'))],
      /broken\.gz: its gzip data is damaged/,
    ],
    [
      'an index of nothing',
      ['ls', file('index.json', '{"version":1}')],
      /index\.json: not the index of a packed partition/,
    ],
    ['a path with ".."', ['ls', join(folder, 'a.img'), '../x'], /a path in an image cannot contain "\.\."/],
  ])('says in one line what is wrong with %s, and exits with 1', async (_, args, message) => {
    const { status, stdout, error } = await run(...args);
    expect([status, stdout.toString()]).toEqual([1, '']);
    expect(error).toMatch(message);
    expect(error).not.toContain('\n');
  });

  test('writes errors to standard error, under its name, and nothing to standard output', () => {
    expect(runProcess('ls', file('text', 'hello\n'))).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^[^\n]+: [^\n]+text: an unknown format: [^\n]+\n$/),
    });
  });

  test('names in one line, with exit status 1, an image that diff cannot compare', () => {
    const { status, stderr } = runProcess('diff', join(folder, 'a.img'), join(folder, 'nowhere'));
    expect(status).toBe(1);
    expect(stderr).toMatch(/nowhere: no such file or directory/);
  });

  test('exits with 0 for equal images, with 1 for different ones', () => {
    const tree = join(folder, 'tree');
    mkdirSync(tree);
    const image = ext4Image(join(folder, 'b.img'), makeTree(tree));
    expect(runProcess('diff', image, image)).toEqual({ status: 0, stdout: '', stderr: '' });
    const { status, stdout } = runProcess('diff', join(folder, 'a.img'), image);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^A \/etc\/passwd$/m);
  });

  test('resolves paths from the directory in which `bazel run` was called', () => {
    const { stdout } = spawnSync(
      process.execPath,
      [join(import.meta.dirname, 'main.ts'), 'cat', 'b.img', '/etc/passwd'],
      {
        cwd: '/',
        encoding: 'utf8',
        env: { ...process.env, BUILD_WORKING_DIRECTORY: folder },
      },
    );
    expect(stdout).toBe(PASSWD);
  });
});
