/**
 * Reads and writes GRUB's environment block: a file of 1024 bytes with `name=value` lines, which
 * `load_env` reads and `save_env` rewrites in place (GRUB 2.12, `grub-core/lib/envblk.c`). The
 * bytes equal those of `grub-editenv create` and `grub-editenv set`.
 */

import { UserError } from '../error/user-error.ts';
import {
  ENVIRONMENT_BLOCK,
  ESCAPE,
  GRUB_ENVIRONMENT_BYTES,
  MESSAGE,
  NEWLINE,
  PADDING,
  SIGNATURE,
} from './format.ts';

export { GRUB_ENVIRONMENT_BYTES } from './format.ts';

/** The names of variables in GRUB's script language (`grub-core/script/yylex.l`). */
const NAME_PATTERN = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Puts a backslash before each backslash and newline (`escaped_value_len` and `grub_envblk_set`).
 */
function escapeValue(value: string): string {
  return value.replaceAll(/[\\\n]/g, (character) => ESCAPE + character);
}

function checkVariable(name: string, value: string): void {
  if (!NAME_PATTERN.test(name)) {
    throw new UserError(
      `grubenv: "${name}" is not the name of a GRUB variable: use letters, digits and _, and no digit first`,
    );
  }
  if (value.includes('\0')) throw new UserError(`grubenv: the value of ${name} holds a NUL byte`);
}

/**
 * Encodes a block that sets `variables`, in their order.
 *
 * @throws UserError for a name that GRUB cannot use, or if the variables do not fit
 */
export function encodeGrubEnvironment(variables: ReadonlyMap<string, string>): Uint8Array {
  let text = MESSAGE;
  for (const [name, value] of variables) {
    checkVariable(name, value);
    text += `${name}=${escapeValue(value)}${NEWLINE}`;
  }
  return blockWith(text);
}

/** Builds a block from the signature, `text` and the padding. */
function blockWith(text: string): Uint8Array {
  const { signature, lines } = ENVIRONMENT_BLOCK.at;
  const bytes = Buffer.from(text);
  const excessBytes = bytes.length - lines.lengthBytes;
  if (excessBytes > 0) {
    throw new UserError(
      `grubenv: the variables are ${excessBytes} bytes too large for the block of ${GRUB_ENVIRONMENT_BYTES} bytes`,
    );
  }
  const block = new Uint8Array(GRUB_ENVIRONMENT_BYTES).fill(PADDING.charCodeAt(0));
  signature.setBytes(block, Buffer.from(SIGNATURE));
  lines.setBytes(block, bytes);
  return block;
}

/** A line of a block: a comment, unchanged, or a variable. */
type Line = { readonly comment: string } | { readonly name: string; readonly value: string };

function splitLines(block: Uint8Array, where: string): Line[] {
  if (block.length !== GRUB_ENVIRONMENT_BYTES) {
    throw new UserError(
      `${where}: a GRUB environment block has ${GRUB_ENVIRONMENT_BYTES} bytes, this one has ${block.length}`,
    );
  }
  const { signature, lines } = ENVIRONMENT_BLOCK.at;
  if (Buffer.from(signature.bytes(block)).toString('latin1') !== SIGNATURE) {
    throw new UserError(
      `${where}: not a GRUB environment block: it does not begin with "${SIGNATURE.trim()}"`,
    );
  }
  const body = Buffer.from(lines.bytes(block)).toString('utf8').replace(/#*$/, '');
  if (body !== '' && !body.endsWith(NEWLINE)) {
    throw new UserError(`${where}: damaged GRUB environment block: no line break before the padding`);
  }
  return scanLines(body, where);
}

function scanLines(body: string, where: string): Line[] {
  const lines: Line[] = [];
  for (let position = 0; position < body.length; ) {
    const end = logicalLineEnd(body, position);
    const line = body.slice(position, end);
    const equals = line.indexOf('=');
    if (line.startsWith(PADDING)) {
      lines.push({ comment: line });
    } else if (equals > 0) {
      const value = line.slice(equals + 1).replaceAll(/\\([\s\S])/g, '$1');
      lines.push({ name: line.slice(0, equals), value });
    } else {
      throw new UserError(`${where}: damaged GRUB environment block: "${line}" is not name=value`);
    }
    position = end + NEWLINE.length;
  }
  return lines;
}

/**
 * Finds the newline that ends the line at `start`. An escaped newline belongs to a variable's
 * value.
 */
function logicalLineEnd(body: string, start: number): number {
  if (body[start] === PADDING) return body.indexOf(NEWLINE, start);
  let position = start;
  while (position < body.length && body[position] !== NEWLINE) {
    position += body[position] === ESCAPE ? 2 : 1;
  }
  return position;
}

/**
 * Reads the variables of a block, in their order.
 *
 * @param where names the block in errors
 * @throws UserError for a block that GRUB would refuse
 */
export function parseGrubEnvironment(block: Uint8Array, where = 'grubenv'): Map<string, string> {
  const variables = new Map<string, string>();
  for (const line of splitLines(block, where)) {
    // If two lines have the same name, the last one counts: load_env sets one after the other.
    if ('name' in line) variables.set(line.name, line.value);
  }
  return variables;
}

/**
 * Copies a block and sets variables: a known one in its place, a new one at the end. Comments stay.
 */
export function setGrubVariables(
  block: Uint8Array,
  variables: ReadonlyMap<string, string>,
  where = 'grubenv',
): Uint8Array {
  const lines = splitLines(block, where);
  for (const [name, value] of variables) {
    checkVariable(name, value);
    const index = lines.findIndex((line) => 'name' in line && line.name === name);
    if (index < 0) lines.push({ name, value });
    else lines[index] = { name, value };
  }
  const text = lines.map((line) =>
    'name' in line ? `${line.name}=${escapeValue(line.value)}${NEWLINE}` : line.comment + NEWLINE,
  );
  return blockWith(text.join(''));
}
