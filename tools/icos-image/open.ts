/**
 * Opens an image file: a disk, a partition, an archive or a packed partition, compressed or not.
 */
import { UserError } from '../lib/formats/error/user-error.ts';
import type { PackedIndex } from '../lib/image/packed/index.ts';
import { compressionOf, decompressed, type FileCompression } from './bytes/compression.ts';
import { FileSource } from './bytes/file.ts';
import type { Content } from './content.ts';
import { openContent } from './formats.ts';
import { isIndex, openPacked, packedBeside } from './packed.ts';

export interface Image {
  /** As on the command line. */
  readonly path: string;
  readonly file: FileSource;
  readonly compression: FileCompression;
  /** The archive around it and the member's name, if an archive holds only this image. */
  readonly wrapper?: { readonly format: string; readonly member: string };
  /** Present for a packed partition. */
  readonly packed?: PackedIndex;
  readonly content: Content;
}

/** The formats of whole images. An archive of exactly one of them is treated as that image. */
const IMAGE_FORMATS = ['gpt', 'ext4', 'vfat', 'erofs', 'lvm'];

/** Returns the image in an archive that contains nothing else, or otherwise the content itself. */
async function unwrapped(content: Content): Promise<Pick<Image, 'content' | 'wrapper'>> {
  const [part, second] = content.parts;
  if (
    content.format !== 'tar' ||
    part === undefined ||
    second !== undefined ||
    content.facts['files'] !== 1
  ) {
    return { content };
  }
  const inner = await part.open();
  if (!IMAGE_FORMATS.includes(inner.format)) return { content };
  return { content: inner, wrapper: { format: content.format, member: part.name } };
}

/**
 * Opens an image.
 *
 * @throws UserError if the file is empty or damaged
 */
export async function openImage(path: string): Promise<Image> {
  const file = FileSource.open(path);
  if (file.sizeBytes === 0) throw new UserError(`${path}: the file is empty; name an image or an archive`);
  const compression = compressionOf(file);
  if (compression === 'none' && isIndex(file)) {
    return { path, file, compression, ...(await openPacked(path)) };
  }
  const beside = compression === 'none' ? undefined : packedBeside(path, file.sizeBytes);
  if (beside !== undefined) return { path, file, compression, ...(await openPacked(beside)) };
  const source = await decompressed(file, compression, path);
  return { path, file, compression, ...(await unwrapped(await openContent(source, path))) };
}

/**
 * Opens an image for a command that needs to know its format.
 *
 * @throws UserError also if its format is unknown
 */
export async function openKnownImage(path: string): Promise<Image> {
  const image = await openImage(path);
  const { format, facts } = image.content;
  const isBare = image.packed === undefined && image.content.hashTree === undefined;
  if ((format === 'unknown' || format === 'zeros') && isBare) {
    const looksLike = facts['looksLike'];
    const what =
      format === 'zeros' ? 'only zeros' : typeof looksLike === 'string' ? looksLike : 'an unknown format';
    throw new UserError(
      `${path}: ${what}: it is not a disk with a GPT, a known file system, an archive or a packed partition`,
    );
  }
  return image;
}
