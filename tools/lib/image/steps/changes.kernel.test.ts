import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { directory, file, hardLink, symlink } from '../../testing/steps/items.ts';
import { runOn } from '../../testing/steps/runs.ts';
import { readMerged, shell, TestFolder } from '../../testing/steps/sample-layers.ts';

/** A default access control list: user::rwx, user:7:r-x, group::r-x, mask::rwx, other::r-x. */
const DEFAULT_ACL = Buffer.from(
  '02000000' +
    '01000700ffffffff' +
    '0200050007000000' +
    '04000500ffffffff' +
    '10000700ffffffff' +
    '20000500ffffffff',
  'hex',
);
/** A capability set of version 2: cap_net_raw, permitted and effective. */
const NET_RAW = Buffer.from('0100000200200000000000000000000000000000', 'hex');

describe('the layer of the changes', () => {
  test('holds new, changed, renamed and deleted entries of every type, and nothing else', async () => {
    using folder = new TestFolder();
    const { layer } = await runOn(
      folder,
      [
        file('changed', 'before'),
        file('same-size', 'abc'),
        file('touched', 'touched'),
        file('rewritten', 'the same again'),
        file('mode', ''),
        file('owner', ''),
        file('deleted', ''),
        file('old-name', 'renamed'),
        directory('deleted-tree'),
        file('deleted-tree/file', ''),
        directory('kept'),
        file('kept/deleted', ''),
        file('kept/kept', ''),
        directory('emptied', { uid: 5, mode: 0o750 }),
        file('emptied/one', ''),
        file('emptied/two', ''),
        directory('directory-mode'),
        file('directory-mode/inside', ''),
        file('becomes-directory', ''),
        directory('becomes-file'),
        file('becomes-file/inside', ''),
        symlink('link', 'here'),
        symlink('link-kept', 'here'),
        directory('moved-tree'),
        file('moved-tree/file', 'moved', { uid: 3, gid: 4, mode: 0o600 }),
        directory('swap-a'),
        file('swap-a/x', 'a'),
        directory('swap-b'),
        file('swap-b/x', 'b'),
      ],
      [
        shell(`
          echo after >changed; printf xyz >same-size; touch touched
          rm rewritten; printf 'the same again' >rewritten
          chmod 4755 mode; chown 70000:80000 owner
          rm deleted; mv old-name new-name; rm -r deleted-tree; rm kept/deleted
          rm -r emptied; mkdir -m 750 emptied; chown 5 emptied; echo 3 >emptied/three
          chmod 1777 directory-mode
          rm becomes-directory; mkdir becomes-directory; echo >becomes-directory/inside
          rm -r becomes-file; echo >becomes-file
          ln -sfn there link; touch -h link-kept 2>/dev/null || true
          mv moved-tree moved
          mv swap-a t; mv swap-b swap-a; mv t swap-b`),
        shell(`
          mkfifo -m 600 fifo; mknod -m 640 null c 1 3; mknod -m 600 disk b 259 70000
          ln -s ../x symlink; chown -h 1:2 symlink; mkdir -m 2755 new-directory; : >empty
          printf x >temporary; rm temporary
          long=$(printf %0200d 0); printf x >$long; ln -s $long long-link`),
      ],
    );
    const long = '0'.repeat(200);
    expect(layer).toEqual({
      changed: 'file 0644 6',
      'same-size': 'file 0644 3',
      mode: 'file 4755 0',
      owner: 'file 0644 70000:80000 0',
      deleted: 'whiteout',
      'old-name': 'whiteout',
      'new-name': 'file 0644 7',
      'deleted-tree': 'whiteout',
      'kept/deleted': 'whiteout',
      'emptied/one': 'whiteout',
      'emptied/two': 'whiteout',
      'emptied/three': 'file 0644 2',
      'directory-mode': 'directory 1777',
      'becomes-directory': 'directory 0755',
      'becomes-directory/inside': 'file 0644 1',
      'becomes-file': 'file 0644 1',
      link: 'symlink -> there',
      'moved-tree': 'whiteout',
      moved: 'directory 0755',
      'moved/file': 'file 0600 3:4 5',
      'swap-a/x': 'file 0644 1',
      'swap-b/x': 'file 0644 1',
      fifo: 'fifo 0600',
      null: 'character-device 0640 1:3',
      disk: 'block-device 0600 259:70000',
      symlink: 'symlink 1:2 -> ../x',
      'new-directory': 'directory 2755',
      empty: 'file 0644 0',
      [long]: 'file 0644 1',
      'long-link': `symlink -> ${long}`,
    });
  });

  test('keeps hard links, and has separate files for names that are no longer linked', async () => {
    using folder = new TestFolder();
    const { layer, basePath, outputPath } = await runOn(
      folder,
      [
        file('untouched-1', 'u'),
        hardLink('untouched-2', 'untouched-1'),
        file('written-1', 'w'),
        hardLink('written-2', 'written-1'),
        file('broken-1', 'b'),
        hardLink('broken-2', 'broken-1'),
        file('first-1', 'f'),
        hardLink('first-2', 'first-1'),
        hardLink('first-3', 'first-1'),
        file('joined', 'j'),
      ],
      [
        shell(`
          echo more >>written-2
          cp broken-1 t; mv t broken-1
          rm first-1
          ln joined joined-too
          echo new >new-1; ln new-1 new-2; ln new-2 bin/new-3`),
      ],
    );
    expect(layer).toEqual({
      'written-1': 'file 0644 6',
      'written-2': 'hardlink -> written-1',
      'broken-2': 'file 0644 1',
      'first-1': 'whiteout',
      joined: 'file 0644 1',
      'joined-too': 'hardlink -> joined',
      'bin/new-3': 'file 0644 4',
      'new-1': 'hardlink -> bin/new-3',
      'new-2': 'hardlink -> bin/new-3',
    });
    expect(String(await readMerged([basePath, outputPath], 'first-3'))).toBe('f');
    expect(String(await readMerged([basePath, outputPath], 'written-2'))).toBe('wmore\n');
  });

  test('keeps, adds and drops extended attributes as the kernel does', async () => {
    using folder = new TestFolder();
    const capability = new Map([['security.capability', NET_RAW]]);
    const { layer } = await runOn(
      folder,
      [
        file('untouched', 'x', { xattrs: capability }),
        file('chmodded', 'x', { xattrs: new Map([...capability, ['user.comment', Buffer.from('hi')]]) }),
        file('written', 'x', { xattrs: capability }),
        directory('inherits', { mode: 0o775, xattrs: new Map([['system.posix_acl_default', DEFAULT_ACL]]) }),
      ],
      [shell('chmod 711 chmodded; echo >written; : >inherits/file')],
    );
    const inherited = `02000000${'01000600ffffffff'}${'0200050007000000'}${'04000500ffffffff'}${'10000600ffffffff'}${'20000400ffffffff'}`;
    expect(layer).toEqual({
      chmodded: `file 0711 security.capability=${NET_RAW.toString('hex')} user.comment=6869 1`,
      written: 'file 0644 1',
      'inherits/file': `file 0664 system.posix_acl_access=${inherited} 0`,
    });
  });

  test('holds nothing from the file systems that are mounted over the image', async () => {
    using folder = new TestFolder();
    const { layer } = await runOn(
      folder,
      [directory('tmp', { mode: 0o1777 }), file('tmp/of-the-layer', 'x')],
      [
        shell(
          'test ! -e /tmp/of-the-layer; echo >/tmp/x; echo >/run/x; echo >/dev/shm/x; mkdir /dev/x; mkdir /sys2',
        ),
      ],
    );
    expect(layer).toEqual({ sys2: 'directory 0755' });
  });

  test('can include the temporary folders', async () => {
    using folder = new TestFolder();
    const { layer } = await runOn(
      folder,
      [directory('tmp', { mode: 0o1777 }), file('tmp/of-the-layer', 'x')],
      [shell('rm /tmp/of-the-layer; echo >/tmp/x; mkdir -p /run/y')],
      { temporaryFolders: [] },
    );
    expect(layer).toEqual({
      'tmp/of-the-layer': 'whiteout',
      'tmp/x': 'file 0644 1',
      run: 'directory 0755',
      'run/y': 'directory 0755',
    });
  });

  test('holds a file of 263 MiB byte by byte', async () => {
    using folder = new TestFolder();
    const { layer, basePath, outputPath } = await runOn(
      folder,
      [],
      [
        shell(
          'seq 1 1000000 >part; for i in 1 2 3 4 5 6 7 8 9 10; do cat part part part part; done >big; rm part',
        ),
      ],
    );
    expect(layer).toEqual({ big: 'file 0644 275555840' });
    const part = Buffer.from(`${Array.from({ length: 1_000_000 }, (_, index) => index + 1).join('\n')}\n`);
    const expected = createHash('sha256');
    for (let copy = 0; copy < 40; copy++) expected.update(part);
    const big = await readMerged([basePath, outputPath], 'big');
    expect(createHash('sha256').update(big).digest('hex')).toBe(expected.digest('hex'));
  });

  test('has the same bytes after the same steps', async () => {
    using one = new TestFolder();
    using two = new TestFolder();
    const steps = [
      shell(
        'seq 1 100000 >numbers; mkdir -p a/b/c; for i in $(seq 1 200); do echo $i >a/b/c/$i; done; rm etc/group',
      ),
    ];
    const first = await runOn(one, [], steps);
    const second = await runOn(two, [], steps, { freeMebibytes: 300 });
    expect(readFileSync(first.outputPath).equals(readFileSync(second.outputPath))).toBe(true);
  });

  test('cannot hold a name that means a deletion: the run fails', async () => {
    using folder = new TestFolder();
    await expect(runOn(folder, [], [shell('echo >/etc/.wh.group')])).rejects.toThrow(
      'a step made /etc/.wh.group: a layer cannot hold names that begin with .wh.',
    );
  });

  test('leaves out sockets', async () => {
    using folder = new TestFolder();
    const { layer } = await runOn(
      folder,
      [],
      [
        shell(
          'ln -s /socket /dev/log; /bin/busybox syslogd -n & until test -S /socket; do usleep 1000; done; echo >x',
        ),
      ],
    );
    expect(layer).toEqual({ x: 'file 0644 1' });
  });
});
