import { createHash } from 'node:crypto';
import { FileImage } from '../lib/formats/block/file.ts';
import { type Conffile, parseConffiles } from '../lib/formats/deb/conffiles.ts';
import type { Paragraph } from '../lib/formats/deb/control.ts';
import { type ControlFiles, controlParagraph, Deb, textOf } from '../lib/formats/deb/deb.ts';
import { comparePaths } from '../lib/formats/entry/entry.ts';
import { UserError } from '../lib/formats/error/user-error.ts';

/** A binary package, as its .deb describes it. */
export interface BinaryPackage {
  readonly deb: Deb;
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly paragraph: Paragraph;
  readonly controlFiles: ControlFiles;
  readonly conffiles: readonly Conffile[];
  /** SHA-256 of the .deb, hexadecimal. */
  readonly sha256: string;
}

/**
 * The package with the links of the merged directories, such as /lib and /bin. The files of all
 * other packages are unpacked through these links.
 */
const FIRST_UNPACKED = 'base-files';
const HASHED_BYTES = 1 << 20;

function digest(image: FileImage): string {
  const hash = createHash('sha256');
  for (let done = 0; done < image.sizeBytes; done += HASHED_BYTES) {
    hash.update(image.read(done, Math.min(HASHED_BYTES, image.sizeBytes - done)));
  }
  return hash.digest('hex');
}

async function openPackage(file: string): Promise<BinaryPackage> {
  const image = FileImage.open(file);
  const deb = new Deb(image, file);
  const controlFiles = await deb.controlFiles();
  const paragraph = controlParagraph(controlFiles, file);
  return {
    deb,
    name: paragraph.require('Package', file),
    version: paragraph.require('Version', file),
    architecture: paragraph.require('Architecture', file),
    paragraph,
    controlFiles,
    conffiles: parseConffiles(textOf(controlFiles, 'conffiles') ?? '', `${file}: conffiles`),
    sha256: digest(image),
  };
}

/**
 * Opens .debs, and sorts them in the order of unpacking: by name, for every order of the arguments.
 */
export async function openPackages(files: readonly string[]): Promise<BinaryPackage[]> {
  const packages: BinaryPackage[] = [];
  const fileOf = new Map<string, string>();
  for (const file of files) {
    const opened = await openPackage(file);
    const other = fileOf.get(opened.name);
    if (other !== undefined)
      throw new UserError(`${file}: the package ${opened.name} is also in ${other}; give only one of them`);
    fileOf.set(opened.name, file);
    packages.push(opened);
  }
  const rank = ({ name }: BinaryPackage) => (name === FIRST_UNPACKED ? 0 : 1);
  return packages.sort((a, b) => rank(a) - rank(b) || comparePaths(a.name, b.name));
}
