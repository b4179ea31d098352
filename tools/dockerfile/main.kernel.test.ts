import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  busyboxTree,
  describeLayer,
  readMerged,
  runnerRoot,
  TestFolder,
} from '../lib/testing/steps/sample-layers.ts';

const OUTPUTS = ['--output=out.layer.tar.zst', '--output-config=out.config.json'];

function run(folder: TestFolder, dockerfile: string, ...args: string[]) {
  writeFileSync(join(folder.path, 'Dockerfile'), dockerfile);
  const all = [join(import.meta.dirname, 'main.ts'), '--dockerfile=Dockerfile', ...OUTPUTS, ...args];
  return spawnSync(process.execPath, all, { cwd: folder.path, encoding: 'utf8' });
}

const DOCKERFILE = `
FROM base AS first
ARG WORD=none
RUN echo "$WORD" >/made && chmod 0750 /made && rm /bin/wc && ln /etc/passwd /etc/again
FROM first
COPY --chmod=0600 f /f
USER app
WORKDIR /srv
RUN <<EOF
id -u >who
cat /f >>who 2>/dev/null || echo denied >>who
EOF
RUN <<EOF
#!/bin/cat
a script
EOF
`;

describe('the tool', () => {
  test('runs a Dockerfile in user-mode Linux, twice with the same bytes', async () => {
    using folder = new TestFolder();
    const base = await folder.layer('base', busyboxTree());
    writeFileSync(join(folder.path, 'f'), 'context');
    writeFileSync(join(folder.path, 'word'), 'from a file\n');
    const options = [
      `--base-layer=base=${base}`,
      '--context=f=f',
      '--build-arg-file=WORD=word',
      `--runner-root=${runnerRoot()}`,
    ];
    const digests = [1, 2].map(() => {
      const { status, stderr } = run(folder, DOCKERFILE, ...options);
      expect([status, stderr]).toEqual([
        0,
        expect.stringContaining('Dockerfile:6: COPY --chmod=0600 f /f\n'),
      ]);
      expect(stderr).toContain('a script');
      return createHash('sha256')
        .update(readFileSync(join(folder.path, 'out.layer.tar.zst')))
        .digest('hex');
    });
    expect(digests[0]).toBe(digests[1]);
    const output = join(folder.path, 'out.layer.tar.zst');
    expect(await describeLayer(output)).toMatchObject({
      'bin/wc': 'whiteout',
      f: 'file 0600 7',
      made: 'file 0750 12',
      srv: 'directory 0755 1000:1001',
      'srv/who': 'file 0644 1000:1001 12',
      'etc/passwd': 'hardlink -> etc/again',
    });
    expect((await readMerged([base, output], 'srv/who')).toString()).toBe('1000\ndenied\n');
    const config: unknown = JSON.parse(readFileSync(join(folder.path, 'out.config.json'), 'utf8'));
    expect(config).toMatchObject({ user: 'app', workingDirectory: '/srv' });
  });

  test.each([
    ['FROM scratch\nCOPY none /x\n', 'Dockerfile:2: none is not in the context; it has f'],
    [
      'FROM scratch\nEXPOSE 80\n',
      'Dockerfile:2: EXPOSE is not supported; an image of an operating system has no container ports; open them in its firewall configuration',
    ],
    ['FROM scratch\nRUN x\n', 'this Dockerfile has RUN, which needs --runner-root=DIR'],
  ])('%j fails with one line and leaves no output', (dockerfile, message) => {
    using folder = new TestFolder();
    writeFileSync(join(folder.path, 'f'), '');
    const { status, stderr } = run(folder, dockerfile, '--context=f=f');
    expect([status, stderr.split('\n').slice(-2)]).toEqual([1, [`main.ts: ${message}`, '']]);
    expect(readdirSync(folder.path).sort()).toEqual(['Dockerfile', 'f']);
  });

  test('RUN sees the files that COPY put into /tmp, and the layer does not hold files that RUN deleted', async () => {
    using folder = new TestFolder();
    const base = await folder.layer('base', busyboxTree());
    writeFileSync(join(folder.path, 'f'), 'content');
    const dockerfile = 'FROM base\nCOPY f /tmp/f\nRUN cat /tmp/f >/made && rm /tmp/f\n';
    const options = [`--base-layer=base=${base}`, `--runner-root=${runnerRoot()}`, '--context=f=f'];
    const { status, stderr } = run(folder, dockerfile, ...options);
    expect([status, stderr.includes('took')]).toEqual([0, true]);
    const output = join(folder.path, 'out.layer.tar.zst');
    expect((await readMerged([base, output], 'made')).toString()).toBe('content');
    expect(Object.keys(await describeLayer(output)).sort()).toEqual(['made', 'tmp']);
  });

  test('a RUN that fails is named, and leaves no output', async () => {
    using folder = new TestFolder();
    const base = await folder.layer('base', busyboxTree());
    const dockerfile = 'FROM base\n\nRUN echo so; exit 7\n';
    const { status, stderr } = run(
      folder,
      dockerfile,
      `--base-layer=base=${base}`,
      `--runner-root=${runnerRoot()}`,
    );
    expect(status).toBe(1);
    expect(stderr).toContain('Dockerfile:3: RUN echo so; exit 7');
    expect(readdirSync(folder.path).sort()).toEqual(['Dockerfile', 'base.layer.tar.zst']);
  });
});
