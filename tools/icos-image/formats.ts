/** Lists all formats. A new format needs one file in format/ and a line here. */
import type { ImageSource } from './bytes/source.ts';
import { guarded } from './bytes/source.ts';
import type { Content, Format, OpenContext } from './content.ts';
import { cpio } from './format/cpio.ts';
import { deb } from './format/deb.ts';
import { erofs } from './format/erofs.ts';
import { ext4 } from './format/ext4.ts';
import { fat } from './format/fat.ts';
import { gpt } from './format/gpt.ts';
import { grubenv } from './format/grubenv.ts';
import { lvm } from './format/lvm.ts';
import { tar } from './format/tar.ts';
import { unknownContent } from './format/unknown.ts';
import { findHashTree } from './format/verity.ts';

/**
 * The formats in the order in which they are tried. Containers come first, because the unused
 * sectors of a file system may contain anything.
 */
const FORMATS: readonly Format[] = [gpt, deb, cpio, grubenv, tar, lvm, ext4, erofs, fat];

export function formatOf(source: ImageSource): Format | undefined {
  return FORMATS.find((format) => format.matches(source));
}

/**
 * Opens an image of any format. Bytes of an unknown format are not an error: they are `unknown` or
 * `zeros`.
 *
 * @param name the image's name, for errors
 * @throws UserError if the content is damaged
 */
export async function openContent(source: ImageSource, name: string): Promise<Content> {
  const bytes = guarded(source, name);
  const content = (await formatOf(bytes)?.open(bytes, name, CONTEXT)) ?? unknownContent(bytes);
  const isPartition = content.parts.length === 0 && content.format !== 'zeros';
  const ownBytes = content.facts['sizeBytes'];
  const hashTree = isPartition
    ? findHashTree(bytes, typeof ownBytes === 'number' ? ownBytes : undefined, name)
    : undefined;
  return hashTree === undefined ? content : { ...content, hashTree };
}

const CONTEXT: OpenContext = { open: openContent };
