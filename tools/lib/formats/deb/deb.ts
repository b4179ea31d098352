import type { BlockSource } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import { readTarFiles, type TarFile } from '../tar/reader.ts';
import { type ArMember, readArMembers } from './ar.ts';
import { type Paragraph, parseControl } from './control.ts';
import { decompressorFor } from './decompress.ts';

export { type ArMember, readArMembers } from './ar.ts';
export { type Conffile, parseConffiles } from './conffiles.ts';
export { formatControl, Paragraph, parseControl } from './control.ts';
export { compareVersions } from './version.ts';

/**
 * Reads Debian binary packages, deb(5): the ar members `debian-binary`, `control.tar` and
 * `data.tar`, in this order. The last two may be compressed.
 */
const FORMAT_MEMBER = 'debian-binary';
/** The major version. Any minor version may follow the point. */
const FORMAT = /^2\.[0-9]+\n/;
const FORMAT_BYTES = 16;
/**
 * The control files of real packages have at most a few megabytes. A larger member is an attack.
 */
const MAX_CONTROL_BYTES = 64 << 20;
const READ_BYTES = 1 << 18;

/**
 * The files of control.tar, by name without `./`: `control`, `md5sums`, `postinst`, `conffiles`, …
 */
export type ControlFiles = ReadonlyMap<string, Uint8Array>;

export class Deb {
  /** The file's name, for errors. */
  readonly name: string;
  readonly #source: BlockSource;
  readonly #control: ArMember;
  readonly #data: ArMember;

  /** @throws UserError if the file is not a Debian package, or is damaged or truncated */
  constructor(source: BlockSource, name: string) {
    this.name = name;
    this.#source = source;
    const [format, ...members] = readArMembers(source, name);
    if (format?.name !== FORMAT_MEMBER) this.#refuse(`its first member is not ${FORMAT_MEMBER}`);
    const version = this.#text(format as ArMember, FORMAT_BYTES);
    if (!FORMAT.test(version))
      this.#refuse(`its format is ${JSON.stringify(version.split('\n', 1)[0])}, but only 2 is supported`);
    // deb(5): readers must ignore members of future formats, whose names begin with an underscore.
    const known = members.filter((member) => !member.name.startsWith('_'));
    this.#control = this.#expect(known[0], 'control.tar');
    this.#data = this.#expect(known[1], 'data.tar');
  }

  #refuse(reason: string): never {
    throw new UserError(`${this.name}: not a Debian package: ${reason}`);
  }

  #text(member: ArMember, mostBytes: number): string {
    const bytes = this.#source.read(member.offsetBytes, Math.min(member.sizeBytes, mostBytes));
    return Buffer.from(bytes).toString('latin1');
  }

  #expect(member: ArMember | undefined, stem: string): ArMember {
    if (member === undefined) this.#refuse(`the member ${stem} is missing; the file may be truncated`);
    if (!member.name.startsWith(stem))
      this.#refuse(`it has the member "${member.name}" in the place of ${stem}`);
    return member;
  }

  *#chunks(member: ArMember): Generator<Uint8Array, void, undefined> {
    for (let done = 0; done < member.sizeBytes; done += READ_BYTES) {
      yield this.#source.read(member.offsetBytes + done, Math.min(READ_BYTES, member.sizeBytes - done));
    }
  }

  #files(member: ArMember, stem: string): AsyncGenerator<TarFile, void, undefined> {
    const extension = member.name.slice(stem.length);
    const decompress = decompressorFor(extension);
    if (decompress === undefined) this.#refuse(`${member.name} has a compression that is not supported`);
    const name = `${this.name}: ${member.name}`;
    return readTarFiles(decompress(this.#chunks(member), name), name);
  }

  /** Reads the control files. */
  async controlFiles(): Promise<ControlFiles> {
    const files = new Map<string, Uint8Array>();
    let totalBytes = 0;
    for await (const { entry, content } of this.#files(this.#control, 'control.tar')) {
      if (entry.type === 'directory' && entry.path === '') continue;
      if (entry.type !== 'file' || entry.path.includes('/')) {
        this.#refuse(`its control data contain ${entry.path}, which is not a plain file`);
      }
      totalBytes += entry.sizeBytes;
      if (totalBytes > MAX_CONTROL_BYTES)
        this.#refuse(`its control data have more than ${MAX_CONTROL_BYTES} bytes`);
      const chunks: Uint8Array[] = [];
      for await (const chunk of content()) chunks.push(Uint8Array.from(chunk));
      files.set(entry.path, Buffer.concat(chunks));
    }
    return files;
  }

  /**
   * Reads the files that the package installs, in the order of its archive. The content of an entry
   * must be read before the next entry.
   */
  dataFiles(): AsyncGenerator<TarFile, void, undefined> {
    return this.#files(this.#data, 'data.tar');
  }
}

/** Parses the paragraph of the file `control`. @throws UserError */
export function controlParagraph(files: ControlFiles, name: string): Paragraph {
  const paragraphs = parseControl(textOf(files, 'control') ?? '', `${name}: control`);
  const [paragraph] = paragraphs;
  if (paragraph === undefined || paragraphs.length > 1) {
    throw new UserError(`${name}: the control data have ${paragraphs.length} paragraphs instead of one`);
  }
  return paragraph;
}

/** Returns a control file as text. */
export function textOf(files: ControlFiles, name: string): string | undefined {
  const bytes = files.get(name);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
}
