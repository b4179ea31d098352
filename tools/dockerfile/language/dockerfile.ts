/** Parses a whole Dockerfile: global arguments, followed by stages. */
import { UserError } from '../../lib/formats/error/user-error.ts';
import { type ExpandOptions, expandWord } from './expand.ts';
import {
  type ArgInstruction,
  type CopyInstruction,
  checkPlatform,
  type FromInstruction,
  type Instruction,
  parseInstruction,
} from './instructions.ts';
import { type EscapeCharacter, parseSource } from './source.ts';

export type StageInstruction = Exclude<Instruction, FromInstruction>;

/** The image that a stage starts from or copies from. */
export type ImageReference =
  | { readonly kind: 'scratch' }
  | { readonly kind: 'stage'; readonly index: number }
  | { readonly kind: 'base'; readonly name: string };

export interface Stage {
  readonly index: number;
  readonly name: string | undefined;
  readonly where: string;
  readonly from: ImageReference;
  readonly instructions: readonly StageInstruction[];
}

export interface Dockerfile {
  /** The file's name in messages. */
  readonly file: string;
  readonly escapeCharacter: EscapeCharacter;
  /**
   * Values of the arguments before the first FROM, and of Docker's predefined platform arguments.
   */
  readonly globalArgs: ReadonlyMap<string, string>;
  readonly stages: readonly Stage[];
}

export interface DockerfileOptions {
  /** Values from the command line. They have precedence over the default of an ARG. */
  readonly buildArgs: ReadonlyMap<string, string>;
  /** The names that FROM and COPY --from may use in addition to stages. */
  readonly bases: readonly string[];
}

/** Docker documentation, "Automatic platform ARGs in the global scope". */
const PLATFORM_ARGS: readonly (readonly [string, string])[] = ['BUILD', 'TARGET'].flatMap((side) => [
  [`${side}PLATFORM`, 'linux/amd64'] as const,
  [`${side}OS`, 'linux'] as const,
  [`${side}ARCH`, 'amd64'] as const,
  [`${side}VARIANT`, ''] as const,
]);

/** Evaluates the ARGs before the first FROM. Each can use those before it. */
function evaluateGlobalArgs(
  args: readonly ArgInstruction[],
  escapeCharacter: EscapeCharacter,
  buildArgs: ReadonlyMap<string, string>,
): Map<string, string> {
  const values = new Map(PLATFORM_ARGS);
  for (const { declarations, where } of args) {
    for (const { name, value } of declarations) {
      const options: ExpandOptions = { escapeCharacter, where, lookup: (other) => values.get(other) };
      const found = buildArgs.get(name) ?? (value === undefined ? undefined : expandWord(value, options));
      if (found !== undefined) values.set(name, found);
    }
  }
  return values;
}

class StageReader {
  readonly #options: DockerfileOptions;
  readonly #escapeCharacter: EscapeCharacter;
  readonly #globalArgs: ReadonlyMap<string, string>;
  readonly stages: Stage[] = [];

  constructor(
    options: DockerfileOptions,
    escapeCharacter: EscapeCharacter,
    globalArgs: ReadonlyMap<string, string>,
  ) {
    this.#options = options;
    this.#escapeCharacter = escapeCharacter;
    this.#globalArgs = globalArgs;
  }

  #stageCalled(name: string): Stage | undefined {
    return this.stages.findLast((stage) => stage.name === name.toLowerCase());
  }

  #expand(word: string, where: string): string {
    return expandWord(word, {
      escapeCharacter: this.#escapeCharacter,
      where,
      lookup: (name) => this.#globalArgs.get(name),
    });
  }

  #reference(name: string, where: string): ImageReference {
    const stage = this.#stageCalled(name);
    if (stage !== undefined) return { kind: 'stage', index: stage.index };
    if (this.#options.bases.includes(name)) return { kind: 'base', name };
    const known = [
      ...this.stages.flatMap((earlier) => earlier.name ?? []),
      ...this.#options.bases,
      'scratch',
    ];
    throw new UserError(`${where}: no image ${name}: images are not fetched; known are ${known.join(', ')}`);
  }

  add(from: FromInstruction, instructions: readonly StageInstruction[]): void {
    const { where } = from;
    if (from.platform !== undefined) checkPlatform(this.#expand(from.platform, where), where);
    const image = this.#expand(from.image, where);
    if (image === '')
      throw new UserError(`${where}: FROM ${from.image} names no image; give the ARG before FROM a value`);
    if (from.name !== undefined && this.#stageCalled(from.name) !== undefined) {
      throw new UserError(`${where}: the name ${from.name} is already used by an earlier stage`);
    }
    const reference: ImageReference =
      image === 'scratch' ? { kind: 'scratch' } : this.#reference(image, where);
    this.stages.push({ index: this.stages.length, name: from.name, where, from: reference, instructions });
  }
}

/**
 * Checks that every value from the command line is declared by an ARG, so that a misspelt name is
 * noticed.
 */
function checkBuildArgs(
  instructions: readonly Instruction[],
  buildArgs: ReadonlyMap<string, string>,
  file: string,
): void {
  const declared = new Set(
    instructions.flatMap((instruction) =>
      instruction.keyword === 'ARG' ? instruction.declarations.map(({ name }) => name) : [],
    ),
  );
  for (const name of buildArgs.keys()) {
    if (!declared.has(name))
      throw new UserError(`${file}: no ARG declares ${name}, but --build-arg=${name}=... gives it a value`);
  }
}

/**
 * Reads a Dockerfile.
 *
 * @param file its name in error messages
 * @throws UserError `FILE:LINE: ...` for everything that is unsupported or wrong
 */
export function parseDockerfile(text: string, file: string, options: DockerfileOptions): Dockerfile {
  const source = parseSource(text, file);
  const instructions = source.instructions.map((instruction) =>
    parseInstruction(instruction, source.escapeCharacter, file),
  );
  const firstFrom = instructions.findIndex(({ keyword }) => keyword === 'FROM');
  const before = firstFrom < 0 ? instructions : instructions.slice(0, firstFrom);
  const globals: ArgInstruction[] = [];
  for (const instruction of before) {
    if (instruction.keyword !== 'ARG') {
      throw new UserError(
        `${instruction.where}: ${instruction.keyword} before the first FROM; only ARG is allowed there`,
      );
    }
    globals.push(instruction);
  }
  if (firstFrom < 0) throw new UserError(`${file}: no FROM in it; a Dockerfile has at least one stage`);
  checkBuildArgs(instructions, options.buildArgs, file);
  const globalArgs = evaluateGlobalArgs(globals, source.escapeCharacter, options.buildArgs);
  const reader = new StageReader(options, source.escapeCharacter, globalArgs);
  for (let start = firstFrom; start < instructions.length; ) {
    const next = instructions.findIndex(({ keyword }, index) => index > start && keyword === 'FROM');
    const end = next < 0 ? instructions.length : next;
    reader.add(
      instructions[start] as FromInstruction,
      instructions.slice(start + 1, end) as StageInstruction[],
    );
    start = end;
  }
  return { file, escapeCharacter: source.escapeCharacter, globalArgs, stages: reader.stages };
}

/**
 * Finds the stage to build, by name or number. The default is the last one.
 *
 * @throws UserError if no stage has that name or number
 */
export function targetStage(dockerfile: Dockerfile, target: string | undefined): Stage {
  const { stages, file } = dockerfile;
  const found =
    target === undefined
      ? stages.at(-1)
      : (stages.findLast((stage) => stage.name === target.toLowerCase()) ??
        (/^\d+$/.test(target) ? stages[Number(target)] : undefined));
  if (found === undefined) {
    const names = stages.flatMap((stage) => stage.name ?? []).join(', ');
    throw new UserError(
      `${file}: no stage ${target} in it; it has ${names === '' ? `${stages.length} without names` : names}`,
    );
  }
  return found;
}

/** Finds the source of COPY --from in a stage: an earlier stage by name or number, or a base. */
export function copySource(
  dockerfile: Dockerfile,
  stage: Stage,
  copy: CopyInstruction,
  bases: readonly string[],
): ImageReference {
  const from = copy.from ?? '';
  const earlier = dockerfile.stages.slice(0, stage.index);
  const found =
    earlier.findLast(({ name }) => name === from.toLowerCase()) ??
    (/^\d+$/.test(from) ? earlier[Number(from)] : undefined);
  if (found !== undefined) return { kind: 'stage', index: found.index };
  if (bases.includes(from)) return { kind: 'base', name: from };
  throw new UserError(
    `${copy.where}: COPY --from=${from}: no earlier stage and no base has this name or number`,
  );
}
