/**
 * Readers for JSON from outside the process. A reader checks a value and returns it with its type;
 * nothing is cast.
 *
 *     const FILE = object({ path: text, sizeBytes: count }, { note: text });
 *     const files = parseJson(json, 'files.json', listOf(FILE));
 *
 * A wrong value is a {@link UserError} of one line that names the file and the key:
 *
 *     files.json: [3].sizeBytes: expected a whole number from 0 on, found "12"
 */

import { UserError } from '../error/user-error.ts';

/** The position of a value in a document. */
export class Place {
  readonly file: string;
  readonly #parent: Place | undefined;
  readonly #step: string | number;

  /** Makes the place of a whole document, or of the value that `step` names within `parent`. */
  constructor(file: string, parent?: Place, step: string | number = '') {
    this.file = file;
    this.#parent = parent;
    this.#step = step;
  }

  /** Returns the place of a member of this object, or of an item of this list. */
  at(step: string | number): Place {
    return new Place(this.file, this, step);
  }

  /**
   * The keys from the root of the document to the value, such as `chunks[3].zst`; empty for the
   * root.
   */
  get key(): string {
    if (this.#parent === undefined) return '';
    const { key } = this.#parent;
    if (typeof this.#step === 'number') return `${key}[${this.#step}]`;
    return key === '' ? this.#step : `${key}.${this.#step}`;
  }

  /** @throws UserError always: one line with file, key and rule */
  fail(rule: string): never {
    throw new UserError(this.key === '' ? `${this.file}: ${rule}` : `${this.file}: ${this.key}: ${rule}`);
  }

  /** @throws UserError always: one line that says what was expected, and what was found */
  refuse(value: unknown, expected: string): never {
    return this.fail(`expected ${expected}, found ${shown(value)}`);
  }
}

/**
 * Checks a value and returns it with its type.
 *
 * @throws UserError if the value is of another type
 */
export type Reader<T> = (value: unknown, place: Place) => T;

const SHOWN_CHARACTERS = 60;

/** Returns a value in the form that an error message shows. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  // JSON has no infinity, but its parser makes one of a number such as 1e400.
  const json = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return json.length <= SHOWN_CHARACTERS ? json : `${json.slice(0, SHOWN_CHARACTERS)}...`;
}

/** Accepts every value. */
export const anything: Reader<unknown> = (value) => value;

export const text: Reader<string> = (value, place) =>
  typeof value === 'string' ? value : place.refuse(value, 'a string');

export const flag: Reader<boolean> = (value, place) =>
  typeof value === 'boolean' ? value : place.refuse(value, 'true or false');

/** Reads an integer from 0 to 2^53 - 1. */
export const count: Reader<number> = (value, place) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    ? value
    : place.refuse(value, 'a whole number from 0 on');

/** Reads one of a few values. */
export function oneOf<const T extends string | number>(...values: readonly T[]): Reader<T> {
  return (value, place) =>
    values.find((known) => known === value) ??
    place.refuse(value, values.map((known) => JSON.stringify(known)).join(' or '));
}

/** Reads a string that matches a pattern. @param expected names it in errors, such as `a digest` */
export function matching(pattern: RegExp, expected: string): Reader<string> {
  return (value, place) =>
    typeof value === 'string' && pattern.test(value) ? value : place.refuse(value, expected);
}

export function listOf<T>(read: Reader<T>): Reader<T[]> {
  return (value, place) =>
    Array.isArray(value)
      ? value.map((item: unknown, index) => read(item, place.at(index)))
      : place.refuse(value, 'a list');
}

/** {@link listOf} that refuses an empty list. */
export function nonEmptyListOf<T>(read: Reader<T>): Reader<T[]> {
  const readList = listOf(read);
  return (value, place) => {
    const items = readList(value, place);
    return items.length > 0 ? items : place.fail('the list is empty; expected at least one item');
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads an object whose keys are names and whose values are all of one type. */
export function mapOf<T>(read: Reader<T>): Reader<Record<string, T>> {
  return (value, place) => {
    if (!isObject(value)) return place.refuse(value, 'an object');
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, read(member, place.at(name))]),
    );
  };
}

type Readers = Readonly<Record<string, Reader<unknown>>>;
type Values<R extends Readers> = { readonly [Key in keyof R]: R[Key] extends Reader<infer T> ? T : never };

/**
 * Reads an object. The result has the members in the order of the document. Members without a
 * reader are left out.
 *
 * @param required the reader of each member that must be present
 * @param optional the reader of each member that may be absent
 */
export function object<R extends Readers, O extends Readers = Readonly<Record<never, never>>>(
  required: R,
  optional?: O,
): Reader<Values<R> & Partial<Values<O>>> {
  const readers = new Map<string, Reader<unknown>>(Object.entries({ ...optional, ...required }));
  const requiredNames = Object.keys(required);
  return (value, place) => {
    if (!isObject(value)) return place.refuse(value, 'an object');
    for (const name of requiredNames) {
      if (!Object.hasOwn(value, name)) place.fail(`the key ${JSON.stringify(name)} is missing`);
    }
    const members: Record<string, unknown> = {};
    for (const name of Object.keys(value)) {
      const read = readers.get(name);
      if (read !== undefined) members[name] = read(value[name], place.at(name));
    }
    // Every member comes from the reader of its name.
    return members as Values<R> & Partial<Values<O>>;
  };
}

/** Reads an object as {@link object} does, but refuses members without a reader. */
export function closedObject<R extends Readers, O extends Readers = Readonly<Record<never, never>>>(
  required: R,
  optional?: O,
): Reader<Values<R> & Partial<Values<O>>> {
  const known = [...Object.keys(required), ...Object.keys(optional ?? {})];
  const read = object(required, optional);
  return (value, place) => {
    const unknown = isObject(value) ? Object.keys(value).find((name) => !known.includes(name)) : undefined;
    if (unknown !== undefined) {
      place.fail(`the key ${JSON.stringify(unknown)} is unknown; known are ${known.join(', ')}`);
    }
    return read(value, place);
  };
}

/**
 * Parses a JSON document.
 *
 * @param file its name, for errors
 * @throws UserError if the text is not JSON, or if `read` refuses the document
 */
export function parseJson<T>(json: string, file: string, read: Reader<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new UserError(`${file}: not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return read(value, new Place(file));
}
