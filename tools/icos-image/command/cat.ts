import { printableName } from '../../lib/formats/entry/name.ts';
import { UserError } from '../../lib/formats/error/user-error.ts';
import { findTarget, treeOf } from '../address.ts';
import { content } from '../bytes/source.ts';
import type { Image } from '../open.ts';
import type { Output } from '../output.ts';
import { contentPath, findRecord } from '../tree/find.ts';

/** `cat`: writes the bytes of a file, or of a whole part if the address ends with the colon. */
export async function cat(output: Output, image: Image, addresses: readonly string[]): Promise<void> {
  for (const address of addresses) {
    const { place, path } = await findTarget(image, address);
    if (path === undefined) {
      for (const piece of content(place.content.source)) output.bytes(piece);
      continue;
    }
    const tree = treeOf(place);
    const { entry } = findRecord(tree, path, true, place.where);
    const file = contentPath(entry);
    const isFile =
      entry.type === 'file' ||
      (file !== undefined && findRecord(tree, file, false, place.where).entry.type === 'file');
    if (file === undefined || !isFile) {
      const what = entry.type === 'hardlink' ? 'special file' : entry.type.replace('-', ' ');
      throw new UserError(
        `${place.where}: /${printableName(path)}: it is a ${what}; only files can be shown`,
      );
    }
    for (const piece of tree.readFile(file)) output.bytes(piece);
  }
}
