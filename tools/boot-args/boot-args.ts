import { UserError } from '../lib/formats/error/user-error.ts';

/**
 * The first line of an environment block, the file from which GRUB reads kernel command lines (GRUB
 * manual, section "The GRUB environment block"). Comments and lines `NAME=value` follow it. GRUB
 * reads only the names that its configuration requests, and executes nothing in this file.
 */
const SIGNATURE = '# GRUB Environment Block';
const NAME = /^BOOT_ARGS(_[A-Z]+)*$/;
const VALUE = /^[A-Za-z0-9._,:/=-]+( [A-Za-z0-9._,:/=-]+)*$/;
const PLACEHOLDER = /@([A-Z_]+)@/g;

/** The value of each placeholder `@NAME@` of the template, by name. */
export type BootArgValues = Readonly<Record<string, string>>;

/** Replaces the placeholders of a line. A placeholder without a value is an error. */
function substitute(line: string, where: string, values: BootArgValues): string {
  return line.replaceAll(PLACEHOLDER, (placeholder, name: string) => {
    const value = values[name];
    if (value === undefined) {
      const known = Object.keys(values)
        .map((key) => `@${key}@`)
        .join(', ');
      throw new UserError(`${where}: ${placeholder} is unknown; known are ${known}`);
    }
    return value;
  });
}

/**
 * Fills in a template of boot arguments, and checks the result against its grammar.
 *
 * @throws UserError with file and line for an unknown placeholder, a name or a value outside the
 *   grammar, or a name that occurs twice
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
        `${where}: a line must be a comment, or BOOT_ARGS, BOOT_ARGS_A or BOOT_ARGS_B, followed by "=" and the arguments`,
      );
    }
    if (seen.has(name)) throw new UserError(`${where}: ${name} occurs twice; remove one`);
    seen.add(name);
    if (!VALUE.test(text.slice(equals + 1))) {
      throw new UserError(
        `${where}: arguments may contain only A-Z a-z 0-9 . _ , : / = - and are separated by one blank`,
      );
    }
    return text;
  });
  if (seen.size === 0) throw new UserError(`${fileName}: no BOOT_ARGS line`);
  return `${expanded.join('\n')}\n`;
}
