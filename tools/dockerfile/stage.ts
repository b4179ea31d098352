/**
 * Executes one stage: holds its files, its variables, and the RUN steps that wait for their
 * session.
 */
import { posix } from 'node:path';
import { NO_XATTRS } from '../lib/formats/entry/entry.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import type { RootConfig } from '../lib/formats/oci/root-config.ts';
import type { Step } from '../lib/image/steps/step.ts';
import { openArchive, type Spool, unpackArchive } from './archive.ts';
import { copyInto, type FoundSource, findSources } from './copy.ts';
import { homeDirectory, lookUpOwner, type Owner } from './language/accounts.ts';
import type { Dockerfile, Stage } from './language/dockerfile.ts';
import { type ExpandOptions, expandHeredoc, expandWord } from './language/expand.ts';
import type {
  ArgInstruction,
  CopyInstruction,
  PairsInstruction,
  RunInstruction,
} from './language/instructions.ts';
import { parseMode } from './language/mode.ts';
import { runStep } from './run-step.ts';
import { ROOT_OWNER, StageFiles } from './stage-files.ts';

const HEREDOC_MODE = 0o644;

/** Runs steps on the current files of the stage, and updates the files. */
export type Session = (steps: readonly Step[]) => Promise<void>;

export interface StageParts {
  readonly dockerfile: Dockerfile;
  readonly stage: Stage;
  readonly files: StageFiles;
  readonly config: RootConfig;
  /** The arguments that the parent stage declared. They are also visible in this stage. */
  readonly args: ReadonlyMap<string, string>;
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly session: Session;
  readonly spool: Spool;
}

export class StageRun {
  readonly #parts: StageParts;
  readonly files: StageFiles;
  readonly args: Map<string, string>;
  #config: RootConfig;
  #pending: Step[] = [];

  constructor(parts: StageParts) {
    this.#parts = parts;
    this.files = parts.files;
    this.args = new Map(parts.args);
    this.#config = parts.config;
  }

  get config(): RootConfig {
    return this.#config;
  }

  #options(where: string): ExpandOptions {
    const { env } = this.#config;
    return {
      escapeCharacter: this.#parts.dockerfile.escapeCharacter,
      where,
      // ENV has precedence over ARG.
      lookup: (name) => (Object.hasOwn(env, name) ? env[name] : this.args.get(name)),
    };
  }

  #absolute(path: string): string {
    const absolute = posix.join(path.startsWith('/') ? '/' : this.#config.workingDirectory, path);
    return path === '.' || path.endsWith('/.') ? `${absolute}/` : absolute;
  }

  /** Runs all waiting steps in one session. */
  async flush(): Promise<void> {
    if (this.#pending.length === 0) return;
    const steps = this.#pending;
    this.#pending = [];
    await this.#parts.session(steps);
  }

  arg({ declarations, where }: ArgInstruction): void {
    const { buildArgs, dockerfile } = this.#parts;
    for (const { name, value } of declarations) {
      const given =
        buildArgs.get(name) ?? (value === undefined ? dockerfile.globalArgs.get(name) : undefined);
      const found = given ?? (value === undefined ? undefined : expandWord(value, this.#options(where)));
      if (found !== undefined) this.args.set(name, found);
    }
  }

  /**
   * Executes ENV or LABEL. Expands all words with the values that the variables have before the
   * instruction.
   */
  pairs({ keyword, pairs, where }: PairsInstruction): void {
    const options = this.#options(where);
    const expanded = Object.fromEntries(
      pairs.map(([name, value]) => [expandWord(name, options), expandWord(value, options)]),
    );
    if (keyword === 'LABEL')
      this.#config = { ...this.#config, labels: { ...this.#config.labels, ...expanded } };
    else this.#config = { ...this.#config, env: { ...this.#config.env, ...expanded } };
  }

  shell(argv: readonly string[]): void {
    this.#config = { ...this.#config, shell: argv };
  }

  user(value: string, where: string): void {
    const user = expandWord(value, this.#options(where));
    if (!/^[^:\s]+(:[^:\s]+)?$/.test(user))
      throw new UserError(`${where}: USER ${user} is not USER or USER:GROUP`);
    this.#config = { ...this.#config, user };
  }

  async workdir(value: string, where: string): Promise<void> {
    const path = expandWord(value, this.#options(where));
    if (path === '')
      throw new UserError(`${where}: WORKDIR ${value} is empty after its variables are replaced`);
    const absolute = this.#absolute(path).replace(/(?<=.)\/+$/, '');
    this.#config = { ...this.#config, workingDirectory: absolute };
    await this.flush();
    const { entry } = this.files.resolve(absolute);
    if (entry?.type === 'directory') return;
    this.files.makeDirectories(absolute, await this.#owner(this.#config.user, where), where);
  }

  async #owner(text: string, where: string): Promise<Owner> {
    // Docker's own images refer to root before /etc/passwd exists.
    if (text === 'root' || text === 'root:root') return ROOT_OWNER;
    return lookUpOwner(text, await this.files.accounts(), where);
  }

  async run(instruction: RunInstruction): Promise<void> {
    const { workingDirectory, user, shell, env } = this.#config;
    const home = Object.hasOwn(env, 'HOME') ? undefined : await this.#home(user);
    const variables = {
      ...(home === undefined ? {} : { HOME: home }),
      ...Object.fromEntries(this.args),
      ...env,
    };
    this.#pending.push(runStep(instruction, { env: variables, workingDirectory, user, shell }));
  }

  /**
   * Returns HOME as a container engine sets it. A waiting step may create the user, so it runs
   * before the look-up.
   */
  async #home(user: string): Promise<string> {
    if (/^(root|0)(:|$)/.test(user)) return homeDirectory(user, await this.files.accounts()) ?? '/root';
    let home = homeDirectory(user, await this.files.accounts());
    if (home === undefined && this.#pending.length > 0) {
      await this.flush();
      home = homeDirectory(user, await this.files.accounts());
    }
    return home ?? '/';
  }

  /**
   * Executes COPY or ADD.
   *
   * @param from the files that `--from` refers to, or the context
   * @param place the name of `from` in error messages
   */
  async copy(instruction: CopyInstruction, from: StageFiles, place: string): Promise<void> {
    await this.flush();
    const { where } = instruction;
    const options = this.#options(where);
    const expand = (word: string): string => expandWord(word, options);
    const destination = this.#absolute(expand(instruction.destination));
    const owner =
      instruction.chown === undefined ? undefined : await this.#owner(expand(instruction.chown), where);
    const mode = instruction.chmod === undefined ? undefined : parseMode(expand(instruction.chmod), where);
    const copy = { from, to: this.files, destination, owner, mode, where };
    for (const source of instruction.sources.map(expand)) {
      const found = findSources(from, source, where, place);
      if (instruction.keyword === 'COPY') copyInto(found, copy);
      else await this.#add(found, copy, instruction);
    }
    if (instruction.heredocs.length === 0) return;
    const written = new StageFiles();
    for (const { name, content, expand: isExpanded } of instruction.heredocs) {
      const bytes = Buffer.from(isExpanded ? expandHeredoc(content, options) : content);
      const metadata = { path: name, mode: HEREDOC_MODE, ...ROOT_OWNER, xattrs: NO_XATTRS };
      written.put({ ...metadata, type: 'file', sizeBytes: bytes.length }, { kind: 'bytes', bytes }, where);
      copyInto([{ path: name, realPath: name }], { ...copy, from: written });
    }
  }

  /** Executes ADD: unpacks archives, and copies other sources. */
  async #add(
    sources: readonly FoundSource[],
    copy: Parameters<typeof copyInto>[1],
    instruction: CopyInstruction,
  ): Promise<void> {
    const { where } = instruction;
    for (const source of sources) {
      const inode = copy.from.inode(source.realPath);
      const archive = inode && (await openArchive(inode, `${where}: ${source.path}`));
      if (archive === undefined) {
        copyInto([source], copy);
        continue;
      }
      if (instruction.chown !== undefined || instruction.chmod !== undefined) {
        throw new UserError(
          `${where}: ADD --chown and --chmod do not apply to the archive ${source.path}; its entries have their own owners and modes`,
        );
      }
      const folder = this.files.makeDirectories(copy.destination, ROOT_OWNER, where);
      await unpackArchive(archive, this.files, folder, where, this.#parts.spool);
    }
  }
}
