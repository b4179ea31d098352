/**
 * Tests that debugfs and the kernel show the labels of a policy in the file systems that the tools
 * write.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeLayerFile } from '../../tools/lib/image/layer/file.ts';
import type { LayerItem } from '../../tools/lib/image/layer/writer.ts';
import { runInKernel } from '../../tools/lib/testing/kernel/test-kernel.ts';
import { realTool } from '../../tools/lib/testing/real-tool.ts';

const folder = mkdtempSync(join(tmpdir(), 'labels-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

const POLICY = `
/.*			system_u:object_r:default_t:s0
/		-d	system_u:object_r:root_t:s0
/boot(/.*)?		system_u:object_r:boot_t:s0
/boot/.*\\.img	--	system_u:object_r:image_t:s0
/boot/tmp/.*		<<none>>
/boot/lost\\+found	-d	system_u:object_r:lost_found_t:s0
/lost\\+found	-d	system_u:object_r:lost_found_t:s0
/(a|b)/link	-l	system_u:object_r:link_t:s0
`;

const OLD = new Map([
  ['security.selinux', Buffer.from('wrong\0')],
  ['user.kept', Buffer.from('yes')],
]);

beforeAll(async () => {
  writeFileSync(at('file_contexts'), POLICY);
  const common = { mode: 0o755, uid: 0, gid: 0, xattrs: new Map() };
  const items: LayerItem[] = [
    { kind: 'entry', entry: { type: 'directory', path: 'a', ...common } },
    { kind: 'entry', entry: { type: 'symlink', path: 'a/link', target: 'x', ...common } },
    { kind: 'entry', entry: { type: 'directory', path: 'boot', ...common } },
    {
      kind: 'entry',
      entry: { type: 'file', path: 'boot/initrd.img', sizeBytes: 1, ...common, xattrs: OLD },
      content: Buffer.from('x'),
    },
    { kind: 'entry', entry: { type: 'directory', path: 'boot/tmp', ...common } },
    {
      kind: 'entry',
      entry: { type: 'file', path: 'boot/tmp/x', sizeBytes: 1, ...common, xattrs: OLD },
      content: Buffer.from('x'),
    },
  ];
  await writeLayerFile(at('in.layer.tar.zst'), items);
});

/** Writes an uncompressed file system. @returns its path */
function write(tool: string, name: string, ...options: string[]): string {
  const main = join(import.meta.dirname, `../../tools/${tool}/main.ts`);
  const args = [
    main,
    `--layer=${at('in.layer.tar.zst')}`,
    '--identity=//a:b',
    '--size=16M',
    `--raw=${at(name)}`,
  ];
  execFileSync(process.execPath, [...args, `--file-contexts=${at('file_contexts')}`, ...options], {
    encoding: 'utf8',
  });
  return at(name);
}

const WHOLE = {
  '': 'root_t',
  a: 'default_t',
  'a/link': 'link_t',
  boot: 'boot_t',
  'boot/initrd.img': 'image_t',
  'boot/tmp': 'boot_t',
  'boot/tmp/x': undefined,
};
const BOOT = { '': 'boot_t', 'initrd.img': 'image_t', tmp: 'boot_t', 'tmp/x': undefined };
const LOST_AND_FOUND = { 'lost+found': 'lost_found_t' };

/**
 * Reads labels through the kernel: GNU tar reads every attribute, and writes it to a pax header.
 */
async function kernelLabels(
  image: string,
  type: string,
  paths: readonly string[],
): Promise<Record<string, unknown>> {
  const { output, status } = await runInKernel({
    disks: [{ path: image }],
    script: `
      ${type === 'erofs' ? 'load erofs' : ''}
      mount -t ${type} -o ro /dev/ubda /mnt
      cd /mnt
      for path in ${paths.map((path) => `'./${path}'`).join(' ')}; do
        echo "path $path"
        tool tar -cf - --format=posix --xattrs --xattrs-include='*' --no-recursion "$path" | tr '\\0' '~' | grep -o 'SCHILY.xattr.[^~]*' || true
      done
    `,
  });
  if (status !== 0) throw new Error(output.toString());
  const labels: Record<string, unknown> = {};
  for (const part of output.toString('latin1').split('path ./').slice(1)) {
    const [path = '', ...lines] = part.split('\n');
    const label = lines.find((line) => line.includes('security.selinux'));
    // A value ends with its only NUL, shown as "~".
    labels[path] =
      label === undefined
        ? undefined
        : /^SCHILY\.xattr\.security\.selinux=system_u:object_r:(\w+):s0$/.exec(label)?.[1];
  }
  return labels;
}

function debugfs(image: string, path: string): string {
  const request = `ea_get -x /${path} security.selinux`;
  return execFileSync(realTool('debugfs', 'e2fsprogs'), ['-R', request, image], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

test.each<[string, string, string[], Record<string, string | undefined>]>([
  ['ext4-image', 'ext4', [], { ...WHOLE, ...LOST_AND_FOUND }],
  ['ext4-image', 'ext4', ['--subtree=/boot'], { ...BOOT, ...LOST_AND_FOUND }],
  [
    'ext4-image',
    'ext4',
    ['--subtree=/boot', '--mount-point=/'],
    { '': 'root_t', 'initrd.img': 'default_t', tmp: 'default_t', 'tmp/x': 'default_t', ...LOST_AND_FOUND },
  ],
  ['erofs-image', 'erofs', [], WHOLE],
  ['erofs-image', 'erofs', ['--subtree=/boot'], BOOT],
])('%s (%s %j) labels every entry', async (tool, type, options, expected) => {
  const image = write(tool, `${type}${options.length}`, ...options);
  expect(await kernelLabels(image, type, Object.keys(expected))).toEqual(expected);
  if (type !== 'ext4') return;
  for (const [path, label] of Object.entries(expected)) {
    const value = label === undefined ? '' : Buffer.from(`system_u:object_r:${label}:s0\0`).toString('hex');
    expect(debugfs(image, path).replaceAll(/security\.selinux \(\d+\) = |\s/g, ''), path).toBe(value);
  }
});
