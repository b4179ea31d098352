/**
 * Looks up the label of a path in SELinux file contexts (selabel_file(5)), with the same results as
 * libselinux 3.8 (src/label_file.c and label_file.h). Comments name the functions that the code
 * follows.
 */

import { encodeName } from '../entry/name.ts';
import { UserError } from '../error/user-error.ts';
import {
  type FileKind,
  type NamedText,
  parseLines,
  parseSubstitutions,
  type Specification,
  type Substitution,
} from './parse.ts';
import { hasTopLevelAlternation, PatternProblem, translatePattern } from './pattern.ts';

/** The files in `contexts/files` of a policy. */
export interface FileContextsSources {
  readonly fileContexts: NamedText;
  /** `file_contexts.homedirs` */
  readonly homeDirectories?: NamedText;
  /** `file_contexts.local` */
  readonly local?: NamedText;
  /** `file_contexts.subs_dist` */
  readonly distributionSubstitutions?: NamedText;
  /** `file_contexts.subs` */
  readonly substitutions?: NamedText;
}

/**
 * label_file.h, `LABEL_FILE_KIND_*`: of equal literals, the one with the higher number is tried
 * first.
 */
const KIND_RANKS: Readonly<Record<FileKind, number>> = {
  directory: 1,
  'character-device': 2,
  'block-device': 3,
  socket: 4,
  fifo: 5,
  symlink: 6,
  file: 7,
};

/** The context of a path without a label. */
const NONE = '<<none>>';

/**
 * label_file.h, SPEC_NODE_MAX_DEPTH: specifications are grouped by at most this number of leading
 * components.
 */
const MAX_DEPTH = 3;

const META_CHARACTERS = '.^$?*+|[({])}';
/** `regex_simplify`: the characters that may be escaped in a literal. */
const LITERAL_ESCAPES = `${META_CHARACTERS}-_,`;
/** Quantifiers that make the previous character optional. */
const OPTIONAL = '?*{';

/**
 * Converts an expression without meta characters to the text that it matches (`regex_simplify`).
 */
function simplify(pattern: string): string | undefined {
  let text = '';
  for (let index = 0; index < pattern.length; index++) {
    let character = pattern[index] ?? '';
    if (META_CHARACTERS.includes(character)) return undefined;
    if (character === '\\') {
      index += 1;
      character = pattern[index] ?? '';
      if (character === '' || !LITERAL_ESCAPES.includes(character)) return undefined;
    }
    text += character;
  }
  return text;
}

/** Returns the literal text with which every match of an expression begins. */
function literalPrefix(pattern: string): string {
  if (hasTopLevelAlternation(pattern)) return '';
  let text = '';
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index] ?? '';
    if (character === '\\' && LITERAL_ESCAPES.includes(pattern[index + 1] ?? '\\')) {
      index += 1;
      text += pattern[index];
    } else if (character === '\\' || META_CHARACTERS.includes(character)) {
      return OPTIONAL.includes(character) ? text.slice(0, -1) : text;
    } else {
      text += character;
    }
  }
  return text;
}

interface LiteralSpecification extends Specification {
  readonly kindRank: number;
}

class PatternSpecification {
  readonly specification: Specification;
  readonly kind: FileKind | undefined;
  /** The position among the lines of all files. */
  readonly order: number;
  readonly context: string;
  readonly #prefix: string;
  readonly #expression: RegExp;

  constructor(specification: Specification, order: number) {
    this.specification = specification;
    this.kind = specification.kind;
    this.context = specification.context;
    this.order = order;
    const { pattern, where } = specification;
    try {
      this.#expression = translatePattern(pattern);
    } catch (error) {
      if (!(error instanceof PatternProblem)) throw error;
      throw new UserError(`${where}: the expression "${pattern}" cannot be used: ${error.message}`);
    }
    this.#prefix = literalPrefix(pattern);
  }

  matches(path: string): boolean {
    return path.startsWith(this.#prefix) && this.#expression.test(path);
  }
}

/** The expressions that begin with the same components (`struct spec_node`). */
class SpecificationNode {
  readonly parent: SpecificationNode | undefined;
  readonly children = new Map<string, SpecificationNode>();
  readonly patterns: PatternSpecification[] = [];

  constructor(parent?: SpecificationNode) {
    this.parent = parent;
  }

  child(stem: string): SpecificationNode {
    let node = this.children.get(stem);
    if (node === undefined) {
      node = new SpecificationNode(this);
      this.children.set(stem, node);
    }
    return node;
  }
}

/**
 * Follows the components of a path or an expression from `node`, as long as `next` returns a node.
 */
function descend(
  node: SpecificationNode,
  path: string,
  next: (node: SpecificationNode, component: string) => SpecificationNode | undefined,
): SpecificationNode {
  let found = node;
  let position = 0;
  for (let depth = 0; depth < MAX_DEPTH; ) {
    const slash = path.indexOf('/', position + 1);
    if (slash < 0) break;
    const component = path.slice(position + 1, slash);
    position = slash;
    if (component === '') continue;
    const child = next(found, component);
    if (child === undefined) break;
    found = child;
    depth += 1;
  }
  return found;
}

/**
 * Applies the first substitution whose source is the path or a directory above it
 * (`selabel_apply_subs`).
 */
function substitute(substitutions: readonly Substitution[], path: string): string | undefined {
  for (const { source, target } of substitutions) {
    if (!path.startsWith(source)) continue;
    const following = path[source.length];
    if (following !== '/' && following !== undefined) continue;
    // Avoids a double slash below "/".
    return target + path.slice(following === '/' && target === '/' ? source.length + 1 : source.length);
  }
  return undefined;
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false;
  return true;
}

/** The file contexts of a policy. */
export class FileContexts {
  readonly #root = new SpecificationNode();
  readonly #literals = new Map<string, LiteralSpecification[]>();
  readonly #substitutions: readonly Substitution[];
  readonly #distributionSubstitutions: readonly Substitution[];

  /**
   * @throws UserError that names file and line, for lines that libselinux refuses, and for
   *   expressions that have no equivalent in JavaScript
   */
  constructor(sources: FileContextsSources) {
    const { fileContexts, homeDirectories, local, substitutions, distributionSubstitutions } = sources;
    this.#substitutions = parseSubstitutions(substitutions);
    this.#distributionSubstitutions = parseSubstitutions(distributionSubstitutions);
    let order = 0;
    for (const file of [fileContexts, homeDirectories, local]) {
      if (file === undefined) continue;
      for (const specification of parseLines(file)) this.#insert(specification, order++);
    }
    for (const specifications of this.#literals.values()) {
      specifications.sort((left, right) => right.kindRank - left.kindRank);
    }
  }

  /** Adds a line (`insert_spec`). */
  #insert(specification: Specification, order: number): void {
    const literal = simplify(specification.pattern);
    if (literal !== undefined) {
      descend(this.#root, literal, (node, component) => node.child(component));
      const kindRank = specification.kind === undefined ? 0 : KIND_RANKS[specification.kind];
      const known = this.#literals.get(literal);
      if (known === undefined) this.#literals.set(literal, [{ ...specification, kindRank }]);
      else known.push({ ...specification, kindRank });
      return;
    }
    const node = descend(this.#root, specification.pattern, (found, component) => {
      const stem = simplify(component);
      return stem === undefined ? undefined : found.child(stem);
    });
    node.patterns.push(new PatternSpecification(specification, order));
  }

  /**
   * Merges repeated slashes, removes one at the end, and applies the substitutions (`lookup_all`).
   */
  #key(path: string): string {
    // Expressions match bytes.
    let key = isAscii(path) ? path : encodeName(path).toString('latin1');
    if (key.includes('//')) key = key.replaceAll(/\/{2,}/g, '/');
    if (key.length > 1 && key.endsWith('/')) key = key.slice(0, -1);
    const local = substitute(this.#substitutions, key);
    return substitute(this.#distributionSubstitutions, local ?? key) ?? local ?? key;
  }

  /**
   * Looks up the context of a path, as `matchpathcon` does.
   *
   * @param path absolute, a string that keeps every byte (`entry/name.ts`)
   * @param kind the type of file at the path; without it, specifications for every type match
   * @returns `undefined` if the path has no context, because of `<<none>>` or because nothing
   *   matches
   */
  lookup(path: string, kind?: FileKind): string | undefined {
    const key = this.#key(path);
    for (const specification of this.#literals.get(key) ?? []) {
      if (kind === undefined || specification.kind === undefined || specification.kind === kind) {
        return specification.context === NONE ? undefined : specification.context;
      }
    }
    return this.#lookupPattern(key, kind);
  }

  /**
   * Finds the last line that matches (`lookup_check_node`). A `<<none>>` of a deeper node ends the
   * search before the lines of the nodes above it are tried.
   */
  #lookupPattern(key: string, kind: FileKind | undefined): string | undefined {
    let found: PatternSpecification | undefined;
    let node: SpecificationNode | undefined = descend(this.#root, key, (from, component) =>
      from.children.get(component),
    );
    for (; node !== undefined; node = node.parent) {
      for (let index = node.patterns.length - 1; index >= 0; index--) {
        const candidate = node.patterns[index];
        if (candidate === undefined || (found !== undefined && candidate.order < found.order)) break;
        if (kind !== undefined && candidate.kind !== undefined && candidate.kind !== kind) continue;
        if (!candidate.matches(key)) continue;
        if (candidate.context === NONE) return undefined;
        found = candidate;
        break;
      }
    }
    return found?.context;
  }
}
