import { readArMembers } from '../../lib/formats/deb/ar.ts';
import { controlParagraph, Deb } from '../../lib/formats/deb/deb.ts';
import { decompressorFor } from '../../lib/formats/deb/decompress.ts';
import { UserError } from '../../lib/formats/error/user-error.ts';
import { spool } from '../bytes/file.ts';
import { type ImageSource, partOf, pieces } from '../bytes/source.ts';
import { type Content, type Facts, type Format, peek } from '../content.ts';
import { tar } from './tar.ts';

const MAGIC = '!<arch>\ndebian-binary';
const DATA = 'data.tar';

function* bytesOf(source: ImageSource): Generator<Uint8Array> {
  for (const { bytes } of pieces(source)) if (bytes !== undefined) yield bytes;
}

async function controlFacts(source: ImageSource, name: string): Promise<Facts> {
  const deb = new Deb(source, name);
  const paragraph = controlParagraph(await deb.controlFiles(), name);
  const facts: Record<string, string> = {};
  for (const field of ['Package', 'Version', 'Architecture']) {
    const value = paragraph.get(field);
    if (value !== undefined) facts[field.toLowerCase()] = value;
  }
  return facts;
}

/** A Debian package. Its tree has the files that it installs. */
export const deb: Format = {
  name: 'deb',
  matches: (source) => peek(source, 0, MAGIC.length).toString('latin1') === MAGIC,
  async open(source, name, context): Promise<Content> {
    const facts = await controlFacts(source, name);
    const member = readArMembers(source, name).find((each) => each.name.startsWith(DATA));
    const decompress = member && decompressorFor(member.name.slice(DATA.length));
    if (member === undefined || decompress === undefined)
      throw new UserError(`${name}: it has no ${DATA} of a known compression`);
    const where = `${name}: ${member.name}`;
    const compressed = bytesOf(partOf(source, member.offsetBytes, member.sizeBytes));
    const data = await tar.open(await spool(decompress(compressed, where), where), where, context);
    const { tree } = data;
    return {
      ...(tree === undefined ? {} : { tree }),
      format: 'deb',
      source,
      facts: { ...facts, ...data.facts },
      parts: [],
    };
  },
};
