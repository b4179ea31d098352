import { UserError } from '../lib/formats/error/user-error.ts';

/**
 * Kernel command lines as GRUB reads them: an environment block (GRUB manual, section "The GRUB environment block"),
 * which is text of a fixed first line, comments and `NAME=value`. GRUB takes the names that it is told and runs nothing.
 */
const SIGNATURE = '# GRUB Environment Block';
const NAME = /^BOOT_ARGS(_[A-Z]+)*$/;
const VALUE = /^[A-Za-z0-9._,:/=-]+( [A-Za-z0-9._,:/=-]+)*$/;
const PLACEHOLDER = /@([A-Z_]+)@/g;

/** Which value stands where the template says `@NAME@`. */
export type BootArgValues = Readonly<Record<string, string>>;

/** Replaces the placeholders of a template; one without a value is an error. */
function substitute(line: string, where: string, values: BootArgValues): string {
  return line.replaceAll(PLACEHOLDER, (placeholder, name: string) => {
    const value = values[name];
    if (value === undefined) {
      const known = Object.keys(values)
        .map((key) => `@${key}@`)
        .join(', ');
      throw new UserError(`${where}: ${placeholder} is unknown; there are ${known}`);
    }
    return value;
  });
}

/**
 * Fills in a template of boot arguments and holds the result to its grammar.
 *
 * @throws UserError with file and line for an unknown placeholder, a name or a value that is outside the grammar, or
 *   a name that comes twice.
 */
export function expandBootArgs(template: string, fileName: string, values: BootArgValues): string {
  const lines = template.replace(/\n$/, '').split('\n');
  if (lines[0] !== SIGNATURE) throw new UserError(`${fileName}:1: the first line must be "${SIGNATURE}"`);
  const seen = new Set<string>();
  const expanded = lines.map((line, index) => {
    if (line.startsWith('#')) return line;
    const where = `${fileName}:${index + 1}`;
    const text = substitute(line, where, values);
    const equals = text.indexOf('=');
    const name = text.slice(0, Math.max(equals, 0));
    if (!NAME.test(name)) {
      throw new UserError(
        `${where}: a line is a comment, or BOOT_ARGS, BOOT_ARGS_A or BOOT_ARGS_B, "=" and the arguments`,
      );
    }
    if (seen.has(name)) throw new UserError(`${where}: ${name} is there twice; leave one`);
    seen.add(name);
    if (!VALUE.test(text.slice(equals + 1))) {
      throw new UserError(
        `${where}: arguments have the characters A-Z a-z 0-9 . _ , : / = - and one blank between two`,
      );
    }
    return text;
  });
  if (seen.size === 0) throw new UserError(`${fileName}: no BOOT_ARGS line`);
  return `${expanded.join('\n')}\n`;
}
