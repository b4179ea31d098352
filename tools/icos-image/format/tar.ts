import { BLOCK_BYTES, HEADER, MAGIC_START } from '../../lib/formats/tar/format.ts';
import { checksumOf } from '../../lib/formats/tar/header.ts';
import { scanTar, type TarMember } from '../../lib/formats/tar/tar.ts';
import { SparseSource } from '../bytes/chunks.ts';
import { guarded, type ImageSource, isZero, partOf } from '../bytes/source.ts';
import { type Content, type Format, type OpenContext, once, type Part, peek } from '../content.ts';
import { tarStructures } from '../structure/tar.ts';
import { ArchiveTree } from '../tree/archive-tree.ts';

const { chksum, magic } = HEADER.at;

/**
 * The images in an archive are opened as parts only if it has at most this many files. The members
 * of a larger archive are only files.
 */
const MAX_PARTS = 64;
const SMALLEST_IMAGE_BYTES = 1024;

/** Whether the block has the checksum of a header, for archives older than the magic number. */
function hasChecksum(block: Buffer): boolean {
  const stated = /^ *([0-7]{1,7})[ \0]/.exec(block.toString('latin1', chksum.offsetBytes, chksum.endBytes));
  return stated !== null && checksumOf(block) === Number.parseInt(stated[1] ?? '', 8);
}

function contentOf(source: ImageSource, { entry, dataOffsetBytes, extents }: TarMember): ImageSource {
  const sizeBytes = entry.type === 'file' ? entry.sizeBytes : 0;
  if (extents !== undefined) return new SparseSource(source, dataOffsetBytes, sizeBytes, extents);
  return partOf(source, dataOffsetBytes, sizeBytes);
}

/** The parts of an archive: the members that may be images. */
function imageParts(
  members: readonly TarMember[],
  source: ImageSource,
  name: string,
  context: OpenContext,
): Part[] {
  const files = members.filter(
    ({ entry }) => entry.type === 'file' && entry.sizeBytes >= SMALLEST_IMAGE_BYTES,
  );
  return files.length > MAX_PARTS ? [] : files.map((member) => memberPart(member, source, name, context));
}

function memberPart(member: TarMember, archive: ImageSource, name: string, context: OpenContext): Part {
  const { entry } = member;
  const partName = `${name}: ${entry.path}`;
  const source = () => guarded(contentOf(archive, member), partName);
  return {
    name: entry.path,
    sizeBytes: entry.type === 'file' ? entry.sizeBytes : 0,
    facts: {},
    source,
    open: once(() => context.open(source(), partName)),
  };
}

function countFiles(members: readonly TarMember[]): number {
  return members.filter(({ entry }) => entry.type !== 'directory').length;
}

export const tar: Format = {
  name: 'tar',
  matches(source) {
    const block = peek(source, 0, BLOCK_BYTES);
    if (block.length < BLOCK_BYTES || isZero(block)) return false;
    return (
      block.toString('latin1', magic.offsetBytes, magic.endBytes).startsWith(MAGIC_START) ||
      hasChecksum(block)
    );
  },
  async open(source, name, context): Promise<Content> {
    const members = [...scanTar(source, name)];
    const tree = new ArchiveTree(members, name, (member) => contentOf(source, member));
    const parts: Part[] = [];
    for (const part of imageParts(members, source, name, context)) {
      const { format } = await part.open().catch(() => ({ format: 'damaged' }));
      if (format !== 'unknown' && format !== 'zeros') parts.push(part);
    }
    return {
      format: 'tar',
      source,
      facts: { members: members.length, files: countFiles(members) },
      tree,
      parts,
      structures: () => tarStructures(members),
    };
  },
};
