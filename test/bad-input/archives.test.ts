import { describe, expect, test } from 'vitest';
import type { Entry } from '../../tools/lib/formats/entry/entry.ts';
import { file, symlink } from '../../tools/lib/testing/entries/entries.ts';
import { archive } from '../../tools/lib/testing/tar/archive.ts';
import { FILE_SYSTEM_OUTPUTS, goodLayer, hostileLayer, ociArchive, sha256 } from './inputs.ts';
import { Workbench } from './workbench.ts';

const LAYER_OUTPUTS = ['--output=out.layer.tar.zst', '--output-config=out.config.json'];

const ESCAPING: readonly Entry[] = [file('../outside', 3)];
const THROUGH_LINK: readonly Entry[] = [symlink('etc', '/tmp'), file('etc/passwd', 3)];

/** Checks that `ADD` refuses an archive of the entries with this error, and leaves no output. */
function expectAddRefusal(entries: readonly Entry[], rule: string): void {
  using place = new Workbench();
  place.put('Dockerfile', 'FROM scratch\nADD a.tar /srv/\n');
  place.put('a.tar', archive(entries));
  const { status, stderr } = place.run('dockerfile', [
    '--dockerfile=Dockerfile',
    '--context=a.tar=a.tar',
    ...LAYER_OUTPUTS,
  ]);
  expect(stderr).toBe(`Dockerfile:2: ADD a.tar /srv/\nDockerfile:2: a.tar: ${rule}\n`);
  expect(status).toBe(1);
  expect(place.files()).toEqual(['Dockerfile', 'a.tar', 'params']);
}

describe('an entry that escapes the root', () => {
  const rule = 'entry ../outside: its path leaves the root through ".."';

  test('is refused in an archive for ADD', () => {
    expectAddRefusal(ESCAPING, rule);
  });

  test.each(['ext4-image', 'erofs-image', 'vfat-image'])('is refused in a layer by %s', async (tool) => {
    using place = new Workbench();
    const layers = [await goodLayer(place, 'good', Buffer.from('good')), await hostileLayer(place, ESCAPING)];
    const options = layers.map((layer) => `--layer=${layer}`);
    expect(place.refusal(tool, [...options, ...FILE_SYSTEM_OUTPUTS, '--size=4M'])).toBe(
      `hostile.layer.tar.zst: ${rule}`,
    );
  });

  test('is refused in a layer by initramfs', async () => {
    using place = new Workbench();
    const layer = await hostileLayer(place, ESCAPING);
    expect(place.refusal('initramfs', [`--layer=${layer}`, '--output=out.img'])).toBe(
      `hostile.layer.tar.zst: ${rule}`,
    );
  });

  test('is refused in an OCI archive itself, and in one of its layers', () => {
    using place = new Workbench();
    place.put('escaping.tar', archive(ESCAPING));
    place.put('image.tar', ociArchive(archive(ESCAPING)));
    expect(place.refusal('oci-base', ['--image=escaping.tar', ...LAYER_OUTPUTS])).toBe(
      `escaping.tar: ${rule}`,
    );
    const layer = `layer sha256:${sha256(archive(ESCAPING))}`;
    expect(place.refusal('oci-base', ['--image=image.tar', ...LAYER_OUTPUTS])).toBe(
      `image.tar: ${layer}: ${rule}`,
    );
  });
});

describe('an entry whose path goes through a symbolic link', () => {
  test('is refused in an archive for ADD', () => {
    expectAddRefusal(
      THROUGH_LINK,
      "entry etc/passwd: it goes through the archive's own symbolic link to /tmp",
    );
  });

  test.each(['ext4-image', 'erofs-image', 'vfat-image'])('is refused in a layer by %s', async (tool) => {
    using place = new Workbench();
    const layer = await hostileLayer(place, THROUGH_LINK);
    expect(place.refusal(tool, [`--layer=${layer}`, ...FILE_SYSTEM_OUTPUTS, '--size=4M'])).toMatch(
      /^hostile\.layer\.tar\.zst: entry etc\/passwd: .*etc is a symbolic link/,
    );
  });

  test('is refused in an OCI archive', () => {
    using place = new Workbench();
    place.put('image.tar', ociArchive(archive(THROUGH_LINK)));
    expect(place.refusal('oci-base', ['--image=image.tar', ...LAYER_OUTPUTS])).toMatch(
      /^image\.tar: layer sha256:[0-9a-f]{64}: entry etc\/passwd: .*etc is a symbolic link/,
    );
  });
});
