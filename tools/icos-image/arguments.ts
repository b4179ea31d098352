import { parseArgs } from 'node:util';
import { UserError } from '../lib/formats/error/user-error.ts';
import { SWITCH, TEXT } from '../lib/runtime/cli/cli.ts';
import { cat } from './command/cat.ts';
import { diff } from './command/diff.ts';
import { extract } from './command/extract.ts';
import { inspect } from './command/inspect.ts';
import { printReport } from './command/inspect-text.ts';
import { ls } from './command/ls.ts';
import { verify } from './command/verify.ts';
import { type Image, openKnownImage } from './open.ts';
import type { Output } from './output.ts';
import { USAGE } from './usage.ts';

type Command = (args: readonly string[], output: Output) => Promise<number>;

const SHORT = (letter: string) => ({ ...SWITCH, short: letter });

/** Opens the image that is a command's first argument; returns the other arguments with it. */
async function imageOf(command: string, positionals: readonly string[]): Promise<[Image, string[]]> {
  const [path, ...rest] = positionals;
  if (path === undefined)
    throw new UserError(`${command}: the image is missing; icos-image --help shows the arguments`);
  return [await openKnownImage(path), rest];
}

function nothingElse(command: string, rest: readonly string[]): void {
  if (rest.length > 0)
    throw new UserError(
      `${command}: "${rest[0]}" is one argument too many; icos-image --help shows the arguments`,
    );
}

const COMMANDS: Readonly<Record<string, Command>> = {
  async inspect(args, output) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { json: SWITCH, digests: SWITCH },
    });
    const [image, rest] = await imageOf('inspect', positionals);
    nothingElse('inspect', rest);
    const report = await inspect(image, { digests: values.digests });
    if (values.json) output.line(JSON.stringify(report, undefined, 2));
    else printReport(output, report);
    return 0;
  },

  async ls(args, output) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { long: SHORT('l'), recursive: SHORT('R'), directory: SHORT('d') },
    });
    const [image, rest] = await imageOf('ls', positionals);
    await ls(output, image, rest, values);
    return 0;
  },

  async cat(args, output) {
    const { positionals } = parseArgs({ args: [...args], allowPositionals: true, options: {} });
    const [image, rest] = await imageOf('cat', positionals);
    if (rest.length === 0)
      throw new UserError('cat: the file is missing; icos-image --help shows the arguments');
    await cat(output, image, rest);
    return 0;
  },

  async extract(args, output) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        folder: { type: 'string', short: 'C', default: '.' },
        verbose: SHORT('v'),
        overwrite: SWITCH,
        // Owners are numbers in every image: tar's option is accepted and changes nothing.
        'numeric-owner': SWITCH,
      },
    });
    const [image, rest] = await imageOf('extract', positionals);
    const { folder, verbose, overwrite } = values;
    await extract(output, image, rest, { folder, verbose, overwrite });
    return 0;
  },

  async verify(args, output) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { 'root-hash': TEXT },
    });
    const [image, rest] = await imageOf('verify', positionals);
    nothingElse('verify', rest);
    await verify(output, image, { rootHash: values['root-hash'] });
    return 0;
  },

  async diff(args, output) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { bytes: SWITCH },
    });
    const [older, rest] = await imageOf('diff', positionals);
    const [newer, more] = await imageOf('diff', rest);
    nothingElse('diff', more);
    return (await diff(output, older, newer, { bytes: values.bytes })) ? 1 : 0;
  },
};

/** @returns the exit status */
export async function runCommand(args: readonly string[], output: Output): Promise<number> {
  const [name, ...rest] = args;
  if (
    name === undefined ||
    name === '--help' ||
    name === '-h' ||
    name === 'help' ||
    rest.includes('--help')
  ) {
    output.bytes(Buffer.from(USAGE));
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    throw new UserError(`"${name}" is not a command; the commands are ${Object.keys(COMMANDS).join(', ')}`);
  }
  return command(rest, output);
}
