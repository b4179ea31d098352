import { UserError } from '../lib/formats/error/user-error.ts';
import { parseUuid } from '../lib/formats/uuid/uuid.ts';
import { VERITY_HASHES, type VerityFormatOptions, type VerityHash } from '../lib/formats/verity/verity.ts';
import { parseSize } from '../lib/image/layout/size.ts';

export const USAGE = `verity format DATA HASH --salt=HEX --uuid=UUID [OPTION]...
verity verify DATA HASH ROOT_HASH [OPTION]...

Creates or verifies a dm-verity hash tree, with the options of veritysetup. DATA and HASH may be the same file.

  --salt=HEX              up to 256 bytes, or - for none; there is no random default
  --uuid=UUID             the UUID in the superblock
  --root-hash=FILE        format: write the root hash also to FILE
  --hash-offset=BYTES     the offset of the superblock in HASH (0)
  --data-blocks=N         the number of blocks of DATA (all before the tree)
  --data-block-size=BYTES 512 to 524288 (4096)
  --hash-block-size=BYTES 512 to 524288 (4096)
  --hash=NAME             ${VERITY_HASHES.join(', ')} (sha256)
  --no-superblock         write no superblock; verify: take the parameters from the options
  --threads=N             (the number of processors, at most four)
`;

type Values = Readonly<Record<string, string | boolean | undefined>>;

/** The parameters of the tree on the command line. */
export interface TreeOptions {
  readonly format: VerityFormatOptions;
  readonly isSaltGiven: boolean;
  readonly uuid: string | undefined;
  readonly hashOffsetBytes: number;
  readonly dataBlockCount: number | undefined;
  readonly superblock: boolean;
  readonly workers: number | undefined;
}

export interface CommandLine {
  readonly command: 'format' | 'verify';
  readonly dataPath: string;
  readonly hashPath: string;
  readonly tree: TreeOptions;
}

/** Reads the command line. @throws UserError if it is invalid */
export function readOptions(positionals: readonly string[], values: Values): CommandLine {
  const [command, dataPath, hashPath, ...rest] = positionals;
  if (command !== 'format' && command !== 'verify') {
    const problem = command === undefined ? 'the command is missing' : `unknown command "${command}"`;
    throw new UserError(`${problem}: write format or verify; see --help`);
  }
  if (dataPath === undefined || hashPath === undefined || rest.length !== (command === 'verify' ? 1 : 0)) {
    throw new UserError(`write: verity ${command} DATA HASH${command === 'verify' ? ' ROOT_HASH' : ''}`);
  }
  return { command, dataPath, hashPath, tree: treeOptions(values) };
}

function treeOptions(values: Values): TreeOptions {
  const text = (option: string): string | undefined => {
    const value = values[option];
    return typeof value === 'string' ? value : undefined;
  };
  const bytes = (option: string): number | undefined => {
    const value = text(option);
    return value === undefined ? undefined : parseSize(value, `--${option}`);
  };
  const dataBlockBytes = bytes('data-block-size');
  const hashBlockBytes = bytes('hash-block-size');
  const hash = text('hash');
  const uuid = text('uuid');
  return {
    format: {
      salt: parseSalt(text('salt')),
      ...(dataBlockBytes === undefined ? {} : { dataBlockBytes }),
      ...(hashBlockBytes === undefined ? {} : { hashBlockBytes }),
      ...(hash === undefined ? {} : { hashAlgorithm: parseHash(hash) }),
    },
    isSaltGiven: values['salt'] !== undefined,
    uuid: uuid === undefined ? undefined : parseUuid(uuid, '--uuid'),
    hashOffsetBytes: text('hash-offset') === '0' ? 0 : (bytes('hash-offset') ?? 0),
    dataBlockCount: count(text('data-blocks'), 'data-blocks'),
    superblock: values['no-superblock'] !== true,
    workers: count(text('threads'), 'threads'),
  };
}

function count(value: string | undefined, option: string): number | undefined {
  if (value === undefined) return undefined;
  if (!/^[1-9][0-9]{0,14}$/.test(value)) throw new UserError(`--${option}=${value}: write a positive number`);
  return Number(value);
}

function parseHash(name: string): VerityHash {
  const known = VERITY_HASHES.find((hash) => hash === name);
  if (known === undefined) throw new UserError(`--hash=${name}: use one of ${VERITY_HASHES.join(', ')}`);
  return known;
}

/** Parses a salt. `-` means an empty salt, as in veritysetup. */
function parseSalt(text: string | undefined): Uint8Array {
  if (text === undefined || text === '-') return new Uint8Array();
  if (!/^([0-9a-f]{2}){1,256}$/i.test(text)) {
    throw new UserError(
      `--salt=${text}: write up to 256 bytes as pairs of hexadecimal digits, or - for none`,
    );
  }
  return Buffer.from(text, 'hex');
}
