// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the variables of Dockerfiles
import { describe, expect, test } from 'vitest';
import type { Entry } from '../lib/formats/entry/entry.ts';
import { DEFAULT_CONFIG, DEFAULT_PATH } from '../lib/formats/oci/root-config.ts';
import { openLayerFile, writeLayerFile } from '../lib/image/layer/file.ts';
import { mergeLayers } from '../lib/image/layer/merge.ts';
import type { LayerItem } from '../lib/image/layer/writer.ts';
import type { Step } from '../lib/image/steps/step.ts';
import { directory, file, hardLink, symlink } from '../lib/testing/steps/items.ts';
import { runBuild, type TestBuild } from './testing/build-context.ts';

const PASSWD = file('etc/passwd', 'root:x:0:0::/root:/bin/sh\nwww:x:33:33::/var/www:/bin/sh\n');

async function steps(lines: string, more: Partial<TestBuild> = {}): Promise<Step[]> {
  return (await runBuild({ text: `FROM base\n${lines}`, base: [[PASSWD]], ...more })).sessions.flat();
}

describe('RUN', () => {
  test.each<[string, readonly string[], string?]>([
    ['RUN a && b', ['/bin/sh', '-c', 'a && b']],
    ['RUN ["a", "$HOME"]', ['a', '$HOME']],
    [
      'SHELL ["/bin/bash", "-o", "pipefail", "-c"]\nRUN a | b',
      ['/bin/bash', '-o', 'pipefail', '-c', 'a | b'],
    ],
    ['RUN <<EOF\na $X\nb\nEOF', ['/bin/sh', '-c', 'a $X\nb\n']],
    ['RUN <<-EOF\n\ta\n\tEOF', ['/bin/sh', '-c', 'a\n']],
    ['RUN cat <<-EOF > /x\n\ta\n\tEOF', ['/bin/sh', '-c', 'cat <<-EOF > /x\n\ta\nEOF\n']],
    ['RUN <<A cat; <<B cat\n1\nA\n2\nB', ['/bin/sh', '-c', '<<A cat; <<B cat\n1\nA\n2\nB\n']],
    ['RUN <<EOF cat\n1\nEOF', ['/bin/sh', '-c', '<<EOF cat\n1\nEOF\n']],
    [
      'RUN <<EOF\n#!/usr/bin/env python3\nprint(1)\nEOF',
      ['/usr/bin/env', 'python3', '/dev/stdin'],
      '#!/usr/bin/env python3\nprint(1)\n',
    ],
    ['RUN <<EOF\n#!/bin/cat\nEOF', ['/bin/cat', '/dev/stdin'], '#!/bin/cat\n'],
  ])('%j gives the command %j', async (lines, argv, stdin) => {
    const [step] = await steps(lines);
    expect(step?.argv).toEqual(argv);
    expect(step?.stdin).toBe(stdin);
  });

  test('the name of a step is the file, the line and the instruction', async () => {
    expect((await steps('\nRUN a \\\n  b')).map(({ name }) => name)).toEqual(['Dockerfile:3: RUN a b']);
  });

  test('the environment has PATH, HOME, ENV and ARG, with ENV before ARG; user and directory were set before', async () => {
    const lines = 'ARG A=1\nARG B=arg\nENV B=env C=${A}${B}\nRUN one\nUSER www\nWORKDIR /srv\nRUN two';
    const [one, two] = await steps(lines);
    expect(one).toMatchObject({
      env: { PATH: DEFAULT_PATH, HOME: '/root', A: '1', B: 'env', C: '1arg' },
      user: 'root',
      workingDirectory: '/',
    });
    expect(two).toMatchObject({ env: { HOME: '/var/www' }, user: 'www', workingDirectory: '/srv' });
  });

  test('consecutive RUNs are one session; a COPY between them makes two', async () => {
    const { sessions, progress } = await runBuild({
      text: 'FROM base\nRUN a\nENV X=1\nRUN b\nCOPY f /f\nRUN c',
      context: { f: '' },
    });
    expect(sessions.map((session) => session.map(({ argv }) => argv.at(-1)))).toEqual([['a', 'b'], ['c']]);
    expect(progress).toEqual(['Dockerfile:5: COPY f /f']);
  });

  test('a user that a RUN creates is known to later instructions', async () => {
    const runSteps: TestBuild['runSteps'] = (_layers, ran, output) =>
      writeLayerFile(
        output,
        ran[0]?.argv.at(-1) === 'useradd new' ? [file('etc/passwd', 'new:x:7:8::/home/new:/bin/sh\n')] : [],
      );
    const { sessions, merged } = await runBuild({
      text: 'FROM base\nRUN useradd new\nUSER new\nRUN b\nCOPY --chown=new f /f\nWORKDIR /home/new',
      base: [[PASSWD]],
      context: { f: '' },
      runSteps,
    });
    expect(sessions.flat().at(-1)?.env['HOME']).toBe('/home/new');
    expect(merged).toMatchObject({ f: '0644 7:8', 'home/new': '0755 7:8 /' });
  });

  test('without RUN there is no session', async () => {
    const { sessions } = await runBuild({
      text: 'FROM base\nWORKDIR /x\nCOPY f .\nUSER 1',
      context: { f: '' },
    });
    expect(sessions).toEqual([]);
  });
});

describe('the layer', () => {
  const OTHER: Partial<Entry> = { uid: 1 };
  const BASE: LayerItem[] = [
    directory('d'),
    file('d/gone', 'x'),
    file('d/keep', 'x'),
    directory('old'),
    file('old/a'),
    file('one', '1'),
    symlink('link', 'one'),
  ];

  test('holds the changes of all stages to the base, with deletions as whiteouts', async () => {
    const outputs: LayerItem[][] = [
      [
        { kind: 'whiteout', path: 'd/gone' },
        { kind: 'whiteout', path: 'old' },
        file('temporary', 't'),
        file('made', 'm', OTHER),
      ],
      [{ kind: 'whiteout', path: 'temporary' }, hardLink('two', 'one')],
    ];
    const runSteps: TestBuild['runSteps'] = (_layers, _steps, output) =>
      writeLayerFile(output, outputs.shift() ?? []);
    const { layer, merged } = await runBuild({
      text: 'FROM base AS a\nRUN x\nCOPY f /d/f\nFROM a\nRUN y',
      base: [BASE],
      context: { f: 'copied' },
      runSteps,
    });
    expect(Object.keys(layer).sort()).toEqual(['d/f', 'd/gone', 'made', 'old', 'one', 'two']);
    expect(layer).toMatchObject({ 'd/gone': 'whiteout', old: 'whiteout', two: '= one' });
    expect(merged).toEqual({
      d: '0755 0:0 /',
      'd/f': '0644 0:0 copied',
      'd/keep': '0644 0:0 x',
      link: '0:0 -> one',
      made: '0644 1:0 m',
      one: '0644 0:0 1',
      two: '= one',
    });
  });

  test('does not hold a file that one session created and a later one deleted', async () => {
    const outputs: LayerItem[][] = [[file('t')], [{ kind: 'whiteout', path: 't' }]];
    const runSteps: TestBuild['runSteps'] = (_layers, _steps, output) =>
      writeLayerFile(output, outputs.shift() ?? []);
    const { layer } = await runBuild({
      text: 'FROM base\nRUN x\nCOPY f /f\nRUN y',
      context: { f: '' },
      runSteps,
    });
    expect(Object.keys(layer)).toEqual(['f']);
  });

  test('each session sees the changes of earlier instructions', async () => {
    const seen: string[][] = [];
    const runSteps: TestBuild['runSteps'] = async (layers, _steps, output) => {
      const files = await mergeLayers(layers.map(openLayerFile));
      seen.push(
        files
          .entries()
          .map(({ entry }) => entry.path)
          .filter((path) => path !== ''),
      );
      await writeLayerFile(output, [file(`made-${seen.length}`)]);
    };
    await runBuild({
      text: 'FROM base\nCOPY f /a\nRUN x\nCOPY f /b\nRUN y',
      base: [[file('base')]],
      context: { f: '' },
      runSteps,
    });
    expect(seen).toEqual([
      ['a', 'base'],
      ['a', 'b', 'base', 'made-1'],
    ]);
  });

  test('a stage that the target does not need is not executed', async () => {
    const text =
      'FROM base AS needed\nCOPY f /f\nFROM base AS other\nRUN other\nFROM scratch\nCOPY --from=needed /f /g\nFROM base AS later\nRUN later';
    const { sessions, layer } = await runBuild({ text, target: '2', context: { f: '' } });
    expect([sessions, Object.keys(layer)]).toEqual([[], ['g']]);
  });
});

describe('the configuration', () => {
  test('continues that of the base, or of the parent stage', async () => {
    const config = {
      ...DEFAULT_CONFIG,
      env: { PATH: '/bin', A: 'base' },
      labels: { l: 'base' },
      user: 'www',
      workingDirectory: '/w',
    };
    const text = [
      'FROM base AS one',
      'ARG V=7',
      'ENV B="$A $V" A=new C=$A',
      'LABEL l=$V m="two words" n=\'$V\'',
      'FROM one',
      'ENV D=$V',
      'WORKDIR sub',
      'USER 5:6',
      'SHELL ["/bin/bash", "-c"]',
    ].join('\n');
    expect((await runBuild({ text, config, base: [[PASSWD]] })).config).toEqual({
      env: { PATH: '/bin', A: 'new', B: 'base 7', C: 'base', D: '7' },
      labels: { l: '7', m: 'two words', n: '$V' },
      user: '5:6',
      workingDirectory: '/w/sub',
      shell: ['/bin/bash', '-c'],
    });
  });

  test.each([
    // The reference's examples, section "ARG".
    ['ARG CONT_IMG_VER\nENV CONT_IMG_VER=${CONT_IMG_VER:-v1.0.0}', {}, 'CONT_IMG_VER', 'v1.0.0'],
    [
      'ARG CONT_IMG_VER\nENV CONT_IMG_VER=${CONT_IMG_VER:-v1.0.0}',
      { CONT_IMG_VER: 'v2.0.1' },
      'CONT_IMG_VER',
      'v2.0.1',
    ],
    [
      'ARG CONT_IMG_VER\nENV CONT_IMG_VER=v1.0.0\nENV X=$CONT_IMG_VER',
      { CONT_IMG_VER: 'v2.0.1' },
      'X',
      'v1.0.0',
    ],
    ['ENV X=$user\nARG user', { user: 'what_user' }, 'X', ''],
    ['ARG user=default\nENV X=$user', { user: 'what_user' }, 'X', 'what_user'],
    ['ARG a=1\nARG b=${a}2\nENV X=$b', {}, 'X', '12'],
    // Arguments before FROM are visible in a stage that declares them. So are platform arguments.
    ['ARG VERSION\nENV X=$VERSION', {}, 'X', 'latest'],
    ['ENV X=$VERSION', {}, 'X', ''],
    ['ARG TARGETARCH\nENV X=$TARGETARCH', {}, 'X', 'amd64'],
    // Section "Environment replacement": one instruction sees one set of values.
    ['ENV abc=hello\nENV abc=bye def=$abc\nENV ghi=$abc X=$def$ghi', {}, 'X', 'hello'],
    ['ENV abc=hello\nENV abc=bye def=$abc\nENV ghi=$abc\nENV X=$def-$ghi', {}, 'X', 'hello-bye'],
    ['ENV X a  b "c"', {}, 'X', 'a  b c'],
  ])('%j with %j has %s=%s', async (lines, buildArgs, name, value) => {
    const { config } = await runBuild({
      text: `ARG VERSION=latest\nFROM base\n${lines}`,
      buildArgs: buildArgs as Record<string, string>,
    });
    expect(config.env[name]).toBe(value);
  });

  test.each([
    // The reference's examples, section "WORKDIR".
    ['WORKDIR /a\nWORKDIR b\nWORKDIR c', '/a/b/c'],
    ['ENV DIRPATH=/path\nWORKDIR $DIRPATH/$DIRNAME', '/path'],
    ['WORKDIR /a/../b/.', '/b'],
  ])('%j sets the directory %s, and creates it', async (lines, path) => {
    const { config, merged } = await runBuild({ text: `FROM base\n${lines}` });
    expect(config.workingDirectory).toBe(path);
    expect(merged[path.slice(1)]).toBe('0755 0:0 /');
  });

  test.each([
    ['USER a b', 'Dockerfile:2: USER a b is not USER or USER:GROUP'],
    ['USER $NONE', 'Dockerfile:2: USER  is not USER or USER:GROUP'],
    ['WORKDIR $NONE', 'Dockerfile:2: WORKDIR $NONE is empty after its variables are replaced'],
    ['WORKDIR /etc/passwd/x', 'Dockerfile:2: /etc/passwd is a file, not a directory'],
    ['USER nobody\nWORKDIR /x', "Dockerfile:3: no user nobody in this stage's /etc/passwd"],
    ['ENV A="${B:?is needed}"', 'Dockerfile:2: B: is needed: in "${B:?is needed}"'],
  ])('%j is refused', async (lines, message) => {
    await expect(runBuild({ text: `FROM base\n${lines}`, base: [[PASSWD]] })).rejects.toThrow(message);
  });
});
