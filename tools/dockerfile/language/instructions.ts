/** Parses the supported instructions. Every other instruction is an error. */
import { UserError } from '../../lib/formats/error/user-error.ts';
import { type Flag, jsonStrings, namedValues, pathList, splitFlags } from './arguments.ts';
import { parseHeredocWord, rawWords } from './raw-words.ts';
import type { EscapeCharacter, Heredoc, SourceInstruction } from './source.ts';

interface Common {
  readonly line: number;
  /** `FILE:LINE`. */
  readonly where: string;
  /** The instruction on one line, for progress messages. */
  readonly summary: string;
}

export interface FromInstruction extends Common {
  readonly keyword: 'FROM';
  readonly image: string;
  readonly platform: string | undefined;
  /** The stage's name in lower case. */
  readonly name: string | undefined;
}
export interface ArgInstruction extends Common {
  readonly keyword: 'ARG';
  readonly declarations: readonly { readonly name: string; readonly value: string | undefined }[];
}
export interface PairsInstruction extends Common {
  readonly keyword: 'ENV' | 'LABEL';
  readonly pairs: readonly (readonly [name: string, value: string])[];
}
export interface CopyInstruction extends Common {
  readonly keyword: 'COPY' | 'ADD';
  readonly sources: readonly string[];
  readonly heredocs: readonly Heredoc[];
  readonly destination: string;
  readonly from: string | undefined;
  readonly chown: string | undefined;
  readonly chmod: string | undefined;
}
export interface RunInstruction extends Common {
  readonly keyword: 'RUN';
  /** The exec form, or the command line for the shell. */
  readonly command:
    | { readonly form: 'exec'; readonly argv: readonly string[] }
    | { readonly form: 'shell'; readonly line: string };
  readonly heredocs: readonly Heredoc[];
}
export interface WordInstruction extends Common {
  readonly keyword: 'USER' | 'WORKDIR';
  readonly value: string;
}
export interface ShellInstruction extends Common {
  readonly keyword: 'SHELL';
  readonly argv: readonly string[];
}

export type Instruction =
  | FromInstruction
  | ArgInstruction
  | PairsInstruction
  | CopyInstruction
  | RunInstruction
  | WordInstruction
  | ShellInstruction;

const SUPPORTED = 'ADD, ARG, COPY, ENV, FROM, LABEL, RUN, SHELL, USER and WORKDIR are';

/** Docker's unsupported instructions, and the alternatives to them. */
const UNSUPPORTED: ReadonlyMap<string, string> = new Map(
  Object.entries<string>({
    CMD: 'an image of an operating system starts its init; enable a systemd unit instead',
    ENTRYPOINT: 'an image of an operating system starts its init; enable a systemd unit instead',
    EXPOSE: 'an image of an operating system has no container ports; open them in its firewall configuration',
    HEALTHCHECK: 'nothing would run it; use a systemd unit or timer',
    MAINTAINER: 'write LABEL org.opencontainers.image.authors="..." instead',
    ONBUILD: 'write the instruction into the Dockerfile that needs it',
    STOPSIGNAL: 'nothing would send it; use KillSignal= of a systemd unit',
    VOLUME: 'an image of an operating system has partitions; make the directory with RUN mkdir',
  }),
);

/** The reasons why some flags of Docker are refused here. */
const UNSUPPORTED_FLAGS: ReadonlyMap<string, string> = new Map(
  Object.entries<string>({
    mount: 'a RUN sees nothing but the image; COPY what it needs first',
    security: 'a RUN has no more rights than any other',
    device: 'a RUN has no devices of the host',
    link: 'leave it out; COPY does not depend on it here',
    checksum: 'name the file in the build, which checks its digest',
    'keep-git-dir': 'nothing is fetched; name the files in the build',
    unpack: 'ADD always unpacks archives, COPY never does',
    parents: 'name a destination for each directory',
    exclude: 'leave the files out of the context',
  }),
);

const PLATFORM = 'linux/amd64';
const STAGE_NAME = /^[a-z][a-z0-9_.-]*$/;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const URL = /^(https?|ftp|git|ssh):\/\/|^git@/;

function flagValues(flags: readonly Flag[], known: readonly string[], where: string, keyword: string) {
  const values = new Map<string, string>();
  for (const { name, value } of flags) {
    if (!known.includes(name)) {
      const reason = UNSUPPORTED_FLAGS.get(name);
      throw new UserError(
        `${where}: ${keyword} --${name} is not supported${reason === undefined ? '' : `; ${reason}`}`,
      );
    }
    if (value === undefined || value === '')
      throw new UserError(`${where}: ${keyword} --${name} has no value`);
    if (values.has(name)) throw new UserError(`${where}: ${keyword} has --${name} twice`);
    values.set(name, value);
  }
  return values;
}

class InstructionParser {
  readonly #escapeCharacter: EscapeCharacter;
  readonly #source: SourceInstruction;
  readonly #common: Common;

  constructor(source: SourceInstruction, escapeCharacter: EscapeCharacter, file: string) {
    this.#source = source;
    this.#escapeCharacter = escapeCharacter;
    const summary = `${source.keyword} ${source.text}`.replaceAll(/\s+/g, ' ').trim();
    this.#common = { line: source.line, where: `${file}:${source.line}`, summary };
  }

  #fail(rule: string): never {
    throw new UserError(`${this.#common.where}: ${rule}`);
  }

  parse(): Instruction {
    const { keyword, text } = this.#source;
    const { where } = this.#common;
    const reason = UNSUPPORTED.get(keyword);
    if (reason !== undefined) this.#fail(`${keyword} is not supported; ${reason}`);
    if (text === '') this.#fail(`${keyword} needs arguments`);
    switch (keyword) {
      case 'FROM':
        return this.#from();
      case 'ARG':
        return this.#arg();
      case 'ENV':
      case 'LABEL':
        return { ...this.#common, keyword, pairs: namedValues(text, this.#escapeCharacter, where, keyword) };
      case 'COPY':
      case 'ADD':
        return this.#copy(keyword);
      case 'RUN':
        return this.#run();
      case 'USER':
      case 'WORKDIR':
        return { ...this.#common, keyword, value: text };
      case 'SHELL': {
        const argv = jsonStrings(text);
        if (argv === undefined || argv.length === 0)
          this.#fail('SHELL is written as SHELL ["executable", "argument"]');
        return { ...this.#common, keyword, argv };
      }
      default:
        return this.#fail(`${keyword} is not an instruction of a Dockerfile; ${SUPPORTED} supported`);
    }
  }

  #from(): FromInstruction {
    const { flags, rest } = splitFlags(this.#source.text, this.#escapeCharacter);
    const values = flagValues(flags, ['platform'], this.#common.where, 'FROM');
    const [image = '', as, name, ...more] = rest.split(/\s+/);
    const isNamed = as !== undefined && as.toUpperCase() === 'AS' && name !== undefined;
    if (image === '' || more.length > 0 || (as !== undefined && !isNamed))
      this.#fail('FROM is written as FROM image [AS name]');
    const stage = isNamed ? name.toLowerCase() : undefined;
    if (stage !== undefined && (!STAGE_NAME.test(stage) || stage === 'scratch' || stage === 'context')) {
      this.#fail(
        `${name} cannot be the name of a stage; a stage name is a letter followed by letters, digits, ` +
          '- _ or .; scratch and context are reserved',
      );
    }
    return { ...this.#common, keyword: 'FROM', image, platform: values.get('platform'), name: stage };
  }

  #arg(): ArgInstruction {
    const declarations = rawWords(this.#source.text, this.#escapeCharacter).map((word) => {
      const equals = word.indexOf('=');
      const name = equals < 0 ? word : word.slice(0, equals);
      if (!VARIABLE_NAME.test(name)) this.#fail(`${word} is not an argument's NAME or NAME=DEFAULT`);
      return { name, value: equals < 0 ? undefined : word.slice(equals + 1) };
    });
    return { ...this.#common, keyword: 'ARG', declarations };
  }

  #copy(keyword: 'COPY' | 'ADD'): CopyInstruction {
    const { flags, rest } = splitFlags(this.#source.text, this.#escapeCharacter);
    const known = keyword === 'COPY' ? ['from', 'chown', 'chmod'] : ['chown', 'chmod'];
    const values = flagValues(flags, known, this.#common.where, keyword);
    const words = pathList(rest);
    const destination = words.pop();
    const sources = words.filter((word) => parseHeredocWord(word) === undefined);
    const { heredocs } = this.#source;
    if (destination === undefined || sources.length + heredocs.length === 0) {
      this.#fail(`${keyword} needs at least one source and a destination`);
    }
    if (sources.length + heredocs.length > 1 && !/(^|\/)\.?$/.test(destination)) {
      this.#fail(
        `${keyword} with more than one source needs a directory as its destination; write ${destination}/`,
      );
    }
    const url = sources.find((source) => URL.test(source));
    if (url !== undefined)
      this.#fail(`${keyword} of ${url}: nothing is fetched; name the file in the build and COPY it`);
    const [from, chown, chmod] = ['from', 'chown', 'chmod'].map((name) => values.get(name));
    return { ...this.#common, keyword, sources, heredocs, destination, from, chown, chmod };
  }

  #run(): RunInstruction {
    const { flags, rest } = splitFlags(this.#source.text, this.#escapeCharacter);
    const values = flagValues(flags, ['network'], this.#common.where, 'RUN');
    const network = values.get('network') ?? 'none';
    if (network !== 'none') this.#fail(`RUN --network=${network} is not supported; a RUN has no network`);
    if (rest === '') this.#fail('RUN needs a command');
    const argv = jsonStrings(rest);
    if (argv?.length === 0) this.#fail('RUN [] has no command');
    const command =
      argv === undefined ? ({ form: 'shell', line: rest } as const) : ({ form: 'exec', argv } as const);
    return { ...this.#common, keyword: 'RUN', command, heredocs: this.#source.heredocs };
  }
}

/**
 * Parses one instruction.
 *
 * @throws UserError `FILE:LINE: ...`
 */
export function parseInstruction(
  source: SourceInstruction,
  escapeCharacter: EscapeCharacter,
  file: string,
): Instruction {
  return new InstructionParser(source, escapeCharacter, file).parse();
}

/** Checks a platform. @throws UserError unless it is the platform that images are built for */
export function checkPlatform(platform: string, where: string): void {
  if (platform !== PLATFORM)
    throw new UserError(`${where}: platform ${platform} is not supported; images are for ${PLATFORM}`);
}
