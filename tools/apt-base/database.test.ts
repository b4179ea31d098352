import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { parseControl } from '../lib/formats/deb/control.ts';
import { controlText } from '../lib/testing/deb/sample-deb.ts';
import { configureSteps } from './configure-steps.ts';
import { TestSet } from './testing/package-set.ts';

const md5 = (text: string) => createHash('md5').update(text).digest('hex');

test('a package is unpacked and not configured, with the digests of its configuration files', async () => {
  using set = new TestSet();
  set.add({
    control: { control: controlText('aaa'), conffiles: '/etc/a\n/etc/b\nremove-on-upgrade /etc/gone\n' },
    files: { 'etc/a': 'A', 'etc/b': 'B' },
  });
  set.add({ control: { control: controlText('bbb') } });
  const [aaa, bbb] = parseControl((await (await set.unpack()).text('var/lib/dpkg/status')) ?? '', 'status');
  expect(aaa?.get('Status')).toBe('install ok unpacked');
  expect(aaa?.get('Conffiles')).toBe(`\n /etc/a ${md5('A')}\n /etc/b ${md5('B')}`);
  expect(bbb?.get('Package')).toBe('bbb');
  expect(bbb?.get('Conffiles')).toBeUndefined();
});

test('scripts are executable, other control files are not, and "control" is left out', async () => {
  using set = new TestSet();
  set.add({
    control: {
      control: controlText('aaa', '1', 'Multi-Arch: same\n'),
      postinst: '#!/bin/sh\n',
      shlibs: 'x 1 y\n',
    },
  });
  const tree = await set.unpack();
  expect(tree.describe('var/lib/dpkg/info/aaa:amd64.postinst')).toBe('file 755');
  expect(tree.describe('var/lib/dpkg/info/aaa:amd64.shlibs')).toBe('file 644');
  expect(tree.describe('var/lib/dpkg/info/aaa:amd64.control')).toBeUndefined();
});

test('dpkg knows the interests in triggers, but no package builds an initial RAM disk', async () => {
  using set = new TestSet();
  const triggers =
    'interest-noawait /usr/share/x\n# a comment\ninterest ldconfig\ninterest update-initramfs\nactivate other\n';
  set.add({ control: { control: controlText('aaa'), triggers } });
  set.add({
    control: {
      control: controlText('bbb'),
      triggers: 'interest-await ldconfig\ninterest-noawait ldconfig-too\n',
    },
  });
  const tree = await set.unpack();
  expect(await tree.text('var/lib/dpkg/triggers/File')).toBe('/usr/share/x aaa/noawait\n');
  expect(await tree.text('var/lib/dpkg/triggers/ldconfig')).toBe('aaa\nbbb\n');
  expect(await tree.text('var/lib/dpkg/triggers/ldconfig-too')).toBe('bbb/noawait\n');
  expect(await tree.text('var/lib/dpkg/triggers/update-initramfs')).toBeUndefined();
  expect(await tree.text('var/lib/dpkg/info/aaa.triggers')).toBe(
    triggers.replace('interest update-initramfs\n', ''),
  );
});

test('the accounts exist before any other script runs, and no random key or machine ID is generated', async () => {
  using set = new TestSet();
  const preinst = '#!/bin/sh\n';
  set.add({ control: { control: controlText('aaa'), preinst } });
  set.add({ control: { control: controlText('base-passwd'), preinst } });
  set.add({ control: { control: controlText('openssh-server') } });
  const steps = configureSteps((await set.unpack()).packages);
  expect(steps.map(({ name }) => name)).toEqual([
    'prepare the configuration',
    'preinst of base-passwd',
    'preinst of aaa',
    'configure the packages',
    'check that every package is configured',
    'remove what the configuration leaves behind',
  ]);
  expect(steps[0]?.argv.at(-1)).toContain(': >/etc/ssh/ssh_host_ed25519_key');
  expect(steps[1]?.env['DPKG_MAINTSCRIPT_PACKAGE']).toBe('base-passwd');
});
