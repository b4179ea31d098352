import { describe, expect, test } from 'vitest';
import { writeLayerFile } from '../../tools/lib/image/layer/file.ts';
import { busyboxTree, runnerRoot } from '../../tools/lib/testing/steps/sample-layers.ts';
import { Workbench } from './workbench.ts';

const OPTIONS = [
  '--dockerfile=Dockerfile',
  '--output=out.layer.tar.zst',
  '--output-config=out.config.json',
  '--context=etc/issue=issue',
];

function placeWith(dockerfile: string): Workbench {
  const place = new Workbench();
  place.put('Dockerfile', dockerfile);
  place.put('issue', 'ICOS\n');
  return place;
}

describe('a Dockerfile', () => {
  test.each([
    [
      'with an instruction that is not supported',
      '# syntax=docker/dockerfile:1\nFROM scratch\n\nHEALTHCHECK NONE\n',
      /^Dockerfile:4: HEALTHCHECK is not supported; .+/,
    ],
    ['with an unknown instruction', 'FROM scratch\nCOPPY a b\n', /^Dockerfile:2: COPPY is not .+/],
    [
      'with an option that is not supported',
      'FROM scratch\nCOPY --link etc/issue /\n',
      /^Dockerfile:2: .*--link/,
    ],
    ['without FROM', 'ARG A\n', /^Dockerfile.*FROM/],
    ['on a base that does not exist', 'FROM debian:trixie\n', /^Dockerfile:1: .*debian:trixie/],
  ])('%s is refused', (_what, dockerfile, line) => {
    using place = placeWith(dockerfile);
    expect(place.refusal('dockerfile', OPTIONS)).toMatch(line);
  });

  test('that copies a file missing from the context is refused, and the error lists the existing files', () => {
    using place = placeWith('FROM scratch\nCOPY etc/motd /etc/\n');
    const { status, stderr } = place.run('dockerfile', OPTIONS);
    expect(stderr).toBe(
      'Dockerfile:2: COPY etc/motd /etc/\n' + 'Dockerfile:2: etc/motd is not in the context; etc has issue\n',
    );
    expect(status).toBe(1);
    expect(place.files()).toEqual(['Dockerfile', 'issue', 'params']);
  });

  test('whose RUN fails reports its line, its command, its exit status and its last output', async () => {
    using place = placeWith('FROM base\nRUN true\nRUN echo the last word && \\\n    cat /nowhere\n');
    await writeLayerFile(`${place.path}/base.layer.tar.zst`, busyboxTree());
    const { status, stderr } = place.run('dockerfile', [
      ...OPTIONS,
      '--base-layer=base=base.layer.tar.zst',
      `--runner-root=${runnerRoot()}`,
    ]);
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(
      /^step Dockerfile:3: RUN echo the last word && +cat \/nowhere \(2 of 2\) exited with status 1$/,
    );
    expect(stderr).toContain('the last word');
    expect(stderr).toContain("cat: can't open '/nowhere'");
    expect(status).toBe(1);
    expect(place.files()).toEqual(['Dockerfile', 'base.layer.tar.zst', 'issue', 'params']);
  });
});
