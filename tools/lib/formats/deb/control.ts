import { UserError } from '../error/user-error.ts';

/**
 * Reads and writes Debian control data (deb822): paragraphs of `Field: value` lines, separated by
 * blank lines.
 *
 * Debian Policy, chapter 5.1: field names are case-insensitive, a line that starts with a space or
 * a tab continues the field before it, and lines that start with `#` are comments (in source
 * control files and apt's sources).
 */

/** A field as written. The value keeps its line breaks and the leading space of its lines. */
export interface Field {
  readonly name: string;
  readonly value: string;
}

/** A paragraph. Its fields are in the order of the file. */
export class Paragraph {
  readonly fields: readonly Field[];
  readonly #values = new Map<string, string>();

  constructor(fields: readonly Field[]) {
    this.fields = fields;
    for (const field of fields) this.#values.set(field.name.toLowerCase(), field.value);
  }

  /** Returns the value of a field. The case of its name does not matter. */
  get(name: string): string | undefined {
    return this.#values.get(name.toLowerCase());
  }

  /**
   * Returns the value of a required field.
   *
   * @param where names the file in errors
   * @throws UserError if the field is missing or empty
   */
  require(name: string, where: string): string {
    const value = this.get(name);
    if (value === undefined || value === '') {
      throw new UserError(`${where}: the control data have no field "${name}"`);
    }
    return value;
  }
}

/** Debian Policy 5.1: printable ASCII without space and colon, not starting with `#` or `-`. */
const FIELD_NAME = /^[!-"$-,.-9;-~][!-9;-~]*$/;

/**
 * Reads control data.
 *
 * @param where names the file in errors
 * @throws UserError for a line that is not a field, a continuation without a field, or a field that
 *   occurs twice
 */
export function parseControl(text: string, where: string): Paragraph[] {
  const paragraphs: Paragraph[] = [];
  let fields: { name: string; value: string }[] = [];
  let names = new Set<string>();
  const endParagraph = () => {
    if (fields.length > 0) paragraphs.push(new Paragraph(fields));
    fields = [];
    names = new Set();
  };
  for (const [index, line] of text.split('\n').entries()) {
    const place = `${where}:${index + 1}`;
    if (line.startsWith('#')) continue;
    if (/^[ \t\r]*$/.test(line)) {
      endParagraph();
      continue;
    }
    if (line.startsWith(' ') || line.startsWith('\t')) {
      const last = fields.at(-1);
      if (last === undefined) throw new UserError(`${place}: a continuation line without a field before it`);
      last.value += `\n${line}`;
      continue;
    }
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0));
    if (!FIELD_NAME.test(name)) throw new UserError(`${place}: expected "Field: value"`);
    if (names.has(name.toLowerCase())) throw new UserError(`${place}: the field "${name}" occurs twice`);
    names.add(name.toLowerCase());
    fields.push({ name, value: line.slice(colon + 1).trim() });
  }
  endParagraph();
  return paragraphs;
}

/**
 * Writes paragraphs as dpkg does: `Field: value`, or `Field:` if the value begins on the next line.
 */
export function formatControl(paragraphs: readonly Paragraph[]): string {
  return paragraphs
    .map((paragraph) =>
      paragraph.fields
        .map(({ name, value }) => (value.startsWith('\n') ? `${name}:${value}\n` : `${name}: ${value}\n`))
        .join(''),
    )
    .join('\n');
}
