// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the variables of Dockerfiles
import { describe, expect, test } from 'vitest';
import { UserError } from '../../lib/formats/error/user-error.ts';
import { type Dockerfile, parseDockerfile, targetStage } from './dockerfile.ts';
import type { CopyInstruction, Instruction, RunInstruction } from './instructions.ts';

const BASES = ['base', 'debian:13', 'ubuntu'];

function parse(text: string, buildArgs: Readonly<Record<string, string>> = {}): Dockerfile {
  return parseDockerfile(text, 'Dockerfile', { bases: BASES, buildArgs: new Map(Object.entries(buildArgs)) });
}

function first<Kind extends Instruction>(text: string): Kind {
  return parse(`FROM base\n${text}`).stages[0]?.instructions[0] as unknown as Kind;
}

describe('stages', () => {
  test('start from a base, from scratch, or from another stage, whose name can have any case', () => {
    const { stages } = parse('FROM base AS Build\nFROM scratch\nFROM build as last\nFROM LAST');
    expect(stages.map(({ name, from }) => [name, from])).toEqual([
      ['build', { kind: 'base', name: 'base' }],
      [undefined, { kind: 'scratch' }],
      ['last', { kind: 'stage', index: 0 }],
      [undefined, { kind: 'stage', index: 2 }],
    ]);
  });

  test('FROM uses the ARGs before it; values from the command line have precedence', () => {
    // The reference's example, section "Understand how ARG and FROM interact".
    const text = 'ARG CODE_VERSION=12\nFROM debian:${CODE_VERSION}';
    expect(() => parse(text)).toThrow(
      'Dockerfile:2: no image debian:12: images are not fetched; known are base, debian:13, ubuntu, scratch',
    );
    expect(parse(text, { CODE_VERSION: '13' }).stages[0]?.from).toEqual({ kind: 'base', name: 'debian:13' });
    expect(parse('ARG A=bas\nARG B=${A}e\nFROM $B').stages[0]?.from).toEqual({ kind: 'base', name: 'base' });
  });

  test('a platform other than linux/amd64 is refused', () => {
    expect(parse('FROM --platform=$BUILDPLATFORM base').stages).toHaveLength(1);
    expect(() => parse('FROM --platform=linux/arm64 base')).toThrow(
      'Dockerfile:1: platform linux/arm64 is not supported',
    );
  });

  test('the target is chosen by name or number; the default is the last stage', () => {
    const dockerfile = parse('FROM base AS a\nFROM a AS b\nFROM b AS c');
    expect([undefined, 'A', '1'].map((target) => targetStage(dockerfile, target).index)).toEqual([2, 0, 1]);
    expect(() => targetStage(dockerfile, 'd')).toThrow('Dockerfile: no stage d in it; it has a, b, c');
  });
});

describe('instructions', () => {
  test.each([
    // The reference's examples, section "ENV".
    ['ENV MY_NAME="John Doe"', [['MY_NAME', '"John Doe"']]],
    [
      'ENV MY_NAME="John Doe" MY_DOG=Rex\\ The\\ Dog \\\n    MY_CAT=fluffy',
      [
        ['MY_NAME', '"John Doe"'],
        ['MY_DOG', 'Rex\\ The\\ Dog'],
        ['MY_CAT', 'fluffy'],
      ],
    ],
    ['ENV MY_VAR my-value', [['MY_VAR', 'my-value']]],
    ['ENV ONE TWO= THREE=world', [['ONE', 'TWO= THREE=world']]],
    // Section "LABEL".
    ['LABEL "com.example.vendor"="ACME Incorporated"', [['"com.example.vendor"', '"ACME Incorporated"']]],
    [
      'LABEL description="This text illustrates \\\nthat label-values can span multiple lines."',
      [['description', '"This text illustrates that label-values can span multiple lines."']],
    ],
    [
      'LABEL multi.label1="value1" multi.label2="value2" other="value3"',
      [
        ['multi.label1', '"value1"'],
        ['multi.label2', '"value2"'],
        ['other', '"value3"'],
      ],
    ],
  ])('%s', (text, pairs) => {
    expect(first(text)).toMatchObject({ pairs });
  });

  test.each([
    [
      'ARG user1 buildno=1',
      [
        ['user1', undefined],
        ['buildno', '1'],
      ],
    ],
    ['ARG A="x y"', [['A', '"x y"']]],
    ['ARG A=', [['A', '']]],
  ])('%s', (text, declarations) => {
    expect(first(text)).toMatchObject({
      declarations: declarations.map(([name, value]) => ({ name, value })),
    });
  });

  test.each<[string, Partial<CopyInstruction>]>([
    ['COPY hom* /mydir/', { sources: ['hom*'], destination: '/mydir/' }],
    [
      'COPY file1.txt file2.txt /usr/src/things/',
      { sources: ['file1.txt', 'file2.txt'], destination: '/usr/src/things/' },
    ],
    ['COPY ["a file.txt", "/dest dir/"]', { sources: ['a file.txt'], destination: '/dest dir/' }],
    ['COPY --chown=55:mygroup files* /somedir/', { chown: '55:mygroup', sources: ['files*'] }],
    ['COPY --chown=myuser:mygroup --chmod=644 files* /somedir/', { chown: 'myuser:mygroup', chmod: '644' }],
    ['COPY --chmod=u=rwX,go=rX a b', { chmod: 'u=rwX,go=rX' }],
    ['COPY --chmod="644" a b', { chmod: '644' }],
    ['COPY --from=build /a /b', { from: 'build', sources: ['/a'], destination: '/b' }],
    ['COPY <<a.txt x /d/\n1\na.txt', { sources: ['x'], destination: '/d/' }],
    ['COPY a b .', { destination: '.' }],
    ['ADD arr[[]0].txt /dest/', { keyword: 'ADD', sources: ['arr[[]0].txt'] }],
  ])('%s', (text, expected) => {
    expect(first(text)).toMatchObject(expected);
  });

  test.each<[string, RunInstruction['command']]>([
    [
      "RUN /bin/bash -c 'source $HOME/.bashrc && echo $HOME'",
      { form: 'shell', line: "/bin/bash -c 'source $HOME/.bashrc && echo $HOME'" },
    ],
    ['RUN ["/bin/bash", "-c", "echo hello"]', { form: 'exec', argv: ['/bin/bash', '-c', 'echo hello'] }],
    ['RUN [ "echo", "$HOME" ]', { form: 'exec', argv: ['echo', '$HOME'] }],
    ["RUN ['single', 'quotes']", { form: 'shell', line: "['single', 'quotes']" }],
    [
      'RUN ["c:\\windows\\system32\\tasklist.exe"]',
      { form: 'shell', line: '["c:\\windows\\system32\\tasklist.exe"]' },
    ],
    ['RUN [ -f /x ] || true', { form: 'shell', line: '[ -f /x ] || true' }],
    ['RUN --network=none make', { form: 'shell', line: 'make' }],
  ])('%s', (text, command) => {
    expect(first<RunInstruction>(text).command).toEqual(command);
  });

  test('the progress line is the instruction on one line', () => {
    expect(first('RUN a \\\n    && b').summary).toBe('RUN a && b');
  });

  test.each([
    [
      'CMD ["sh"]',
      'CMD is not supported; an image of an operating system starts its init; enable a systemd unit instead',
    ],
    ['ENTRYPOINT sh', 'ENTRYPOINT is not supported; an image of an operating system starts its init'],
    ['EXPOSE 80', 'EXPOSE is not supported; an image of an operating system has no container ports'],
    ['HEALTHCHECK NONE', 'HEALTHCHECK is not supported; nothing would run it'],
    [
      'MAINTAINER me',
      'MAINTAINER is not supported; write LABEL org.opencontainers.image.authors="..." instead',
    ],
    ['ONBUILD RUN x', 'ONBUILD is not supported; write the instruction'],
    ['STOPSIGNAL 9', 'STOPSIGNAL is not supported; nothing would send it'],
    ['VOLUME /x', 'VOLUME is not supported; an image of an operating system has partitions'],
    ['FORM x', 'FORM is not an instruction of a Dockerfile; ADD, ARG,'],
    ['RUN', 'RUN needs arguments'],
    ['RUN []', 'RUN [] has no command'],
    [
      'RUN --mount=type=cache,target=/x make',
      'RUN --mount is not supported; a RUN sees nothing but the image',
    ],
    ['RUN --network=host make', 'RUN --network=host is not supported; a RUN has no network'],
    ['RUN --security=insecure make', 'RUN --security is not supported'],
    ['COPY --link a b', 'COPY --link is not supported; leave it out'],
    ['COPY --parents a b', 'COPY --parents is not supported'],
    ['COPY --exclude=x a b', 'COPY --exclude is not supported'],
    ['COPY --form=x a b', 'COPY --form is not supported'],
    ['COPY --chown= a b', 'COPY --chown has no value'],
    ['COPY --chmod=1 --chmod=2 a b', 'COPY has --chmod twice'],
    ['COPY a', 'COPY needs at least one source and a destination'],
    ['COPY a b c', 'COPY with more than one source needs a directory as its destination; write c/'],
    ['ADD --from=x a b', 'ADD --from is not supported'],
    [
      'ADD --checksum=sha256:1 a b',
      'ADD --checksum is not supported; name the file in the build, which checks its digest',
    ],
    [
      'ADD http://example.com/big.tar.xz /usr/src/things/',
      'ADD of http://example.com/big.tar.xz: nothing is fetched',
    ],
    [
      'ADD git@git.example.com:foo/bar.git /bar',
      'ADD of git@git.example.com:foo/bar.git: nothing is fetched',
    ],
    ['SHELL /bin/bash -c', 'SHELL is written as SHELL ["executable", "argument"]'],
    ['ENV A', 'ENV A has no value; write ENV A=VALUE'],
    ['ENV A=1 B', 'ENV: no = in B'],
    ['ENV =1', 'ENV: no name before = in =1'],
    ['ARG 1A', '1A is not an argument’s NAME or NAME=DEFAULT'.replace('’', "'")],
    ['FROM base AS', 'FROM is written as FROM image [AS name]'],
    ['FROM base a b', 'FROM is written as FROM image [AS name]'],
    ['FROM base AS 1a', '1a cannot be the name of a stage'],
    ['FROM other', 'no image other: images are not fetched; known are base, debian:13, ubuntu, scratch'],
    ['FROM $NOTHING', 'FROM $NOTHING names no image'],
  ])('%s is refused with file and line', (text, message) => {
    expect(() => parse(`FROM base\n\n${text}`)).toThrow(`Dockerfile:3: ${message}`);
  });

  test('an unknown flag is refused without a reason, whatever its name', () => {
    const refusal = new UserError('Dockerfile:2: COPY --constructor is not supported');
    expect(() => parse('FROM base\nCOPY --constructor=1 a /b')).toThrow(refusal);
  });

  test.each([
    ['RUN x', 'Dockerfile:1: RUN before the first FROM; only ARG is allowed there'],
    ['# nothing', 'Dockerfile: no FROM in it'],
    ['FROM base AS a\nFROM base AS A', 'Dockerfile:2: the name a is already used by an earlier stage'],
  ])('%j is refused', (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });

  test('a value that no ARG declares is refused, because its name is misspelt', () => {
    expect(() => parse('FROM base\nARG BUILD_TYPE', { BUILDTYPE: 'dev' })).toThrow(
      'Dockerfile: no ARG declares BUILDTYPE',
    );
  });
});
