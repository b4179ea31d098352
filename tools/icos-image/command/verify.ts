import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { UserError } from '../../lib/formats/error/user-error.ts';
import { partName } from '../address.ts';
import { pieces } from '../bytes/source.ts';
import type { Check, Content, Part } from '../content.ts';
import { hashTreeCheck } from '../format/verity.ts';
import type { Image } from '../open.ts';
import type { Output } from '../output.ts';
import { packedFiles, packedSource } from '../packed.ts';
import { sha256 } from './inspect.ts';

export interface VerifyOptions {
  /** `--root-hash`: the root hash that the image's hash tree must have. */
  readonly rootHash: string | undefined;
}

/** sha256sum(1): digest, a space, a space or an asterisk, the name. */
const CHECKSUM_LINE = /^([0-9a-f]{64}) [ *](.*)\n?$/;

function checksumCheck(image: Image): Check[] {
  const path = `${image.path}.sha256`;
  if (!existsSync(path)) return [];
  return [
    {
      name: `the digest in ${path}`,
      run() {
        const line = CHECKSUM_LINE.exec(readFileSync(path, 'utf8'));
        if (line === null)
          throw new UserError(`${path}: not the output of sha256sum, which is a digest and a name`);
        if (line[2] !== basename(image.path)) {
          throw new UserError(`${path}: it is the checksum of ${line[2]}, not of ${basename(image.path)}`);
        }
        const hash = createHash('sha256');
        for (const { bytes } of pieces(image.file)) if (bytes !== undefined) hash.update(bytes);
        const digest = hash.digest('hex');
        if (digest !== line[1])
          throw new UserError(`${image.path}: its sha256 is ${digest}, ${path} says ${line[1]}`);
      },
    },
  ];
}

/** Checks that all compressed data matches the index, for both compressions. */
function packedChecks(image: Image): Check[] {
  const { packed } = image;
  if (packed === undefined) return [];
  const indexPath = image.path.replace(/\.img\.(zst|gz)$/, '.json');
  return packedFiles(packed, indexPath).map((file) => ({
    name: `${file.path} against ${packed.sha256 === undefined ? 'its index' : 'the digest of its index'}`,
    run() {
      // Everything is decompressed even if there is no digest to compare with.
      const digest = sha256(packedSource(packed, file, indexPath));
      if (packed.sha256 !== undefined && digest !== packed.sha256) {
        throw new UserError(
          `${file.path}: the partition's sha256 is ${digest}, ${indexPath} says ${packed.sha256}`,
        );
      }
    },
  }));
}

/** Reads every byte, which decompresses all data and checks its checksums. */
function readAllCheck(image: Image): Check[] {
  if (image.compression === 'none' || image.packed !== undefined) return [];
  return [
    {
      name: `${image.path}: all ${image.compression} data can be decompressed`,
      run() {
        for (const _ of pieces(image.content.source)) {
          // Reading is the check.
        }
      },
    },
  ];
}

/** Reads every name of a file system or archive, and every byte of every file. */
function treeCheck({ tree, format }: Content, where: string): Check[] {
  if (tree === undefined) return [];
  return [
    {
      name: `${where}: all files of the ${format} can be read`,
      run() {
        for (const { entry } of tree.walk()) {
          if (entry.type !== 'file') continue;
          for (const _ of tree.readFile(entry.path)) {
            // Reading is the check.
          }
        }
      },
    },
  ];
}

class Verification {
  readonly #output: Output;
  firstProblem: string | undefined;
  rootHashes = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  fail(message: string): void {
    this.#output.line(`FAILED  ${message}`);
    this.firstProblem ??= message;
  }

  pass(name: string): void {
    this.#output.line(`ok      ${name}`);
  }

  async run(check: Check): Promise<void> {
    try {
      await check.run();
      this.pass(check.name);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.fail(error.message);
    }
  }

  async content(content: Content, where: string, rootHash: string | undefined): Promise<void> {
    if (content.format !== 'unknown' && content.format !== 'zeros') {
      this.pass(`${where}: ${content.format} opened, its tables are sound`);
    }
    for (const check of content.checks ?? []) await this.run(check);
    for (const check of treeCheck(content, where)) await this.run(check);
    if (content.hashTree !== undefined) {
      this.rootHashes += 1;
      await this.run(hashTreeCheck(content.source, content.hashTree, where, rootHash));
    }
    for (const part of content.parts) await this.part(part, where, rootHash);
  }

  async part(part: Part, where: string, rootHash: string | undefined): Promise<void> {
    const name = `${where}: ${partName(part)}`;
    let content: Content;
    try {
      content = await part.open();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.fail(error.message);
      return;
    }
    await this.content(content, name, rootHash);
  }
}

/**
 * `verify`: checks everything that can be checked, and prints each check.
 *
 * @throws UserError with the first problem
 */
export async function verify(output: Output, image: Image, { rootHash }: VerifyOptions): Promise<void> {
  const verification = new Verification(output);
  for (const check of [...checksumCheck(image), ...readAllCheck(image), ...packedChecks(image)]) {
    await verification.run(check);
  }
  const known = rootHash ?? image.packed?.verity?.rootHash;
  await verification.content(image.content, image.path, known?.toLowerCase());
  if (rootHash !== undefined && verification.rootHashes === 0) {
    verification.fail(`${image.path}: it has no verity tree that --root-hash could be compared with`);
  }
  output.flush();
  if (verification.firstProblem !== undefined) throw new UserError(verification.firstProblem);
}
