import { type Field, formatControl, Paragraph } from '../lib/formats/deb/control.ts';
import { type Entry, NO_XATTRS } from '../lib/formats/entry/entry.ts';
import type { LayerBuilder } from '../lib/image/layer/builder.ts';
import { triggerFiles, withoutSilenced } from './triggers.ts';
import type { UnpackedPackage } from './unpack.ts';

/**
 * The directory of dpkg's database, which lists the packages with their states, files and scripts.
 */
export const DATABASE = 'var/lib/dpkg';
/** The version of the layout of `info/` that allows packages of several architectures. */
const INFO_FORMAT = '1\n';
const SCRIPTS: ReadonlySet<string> = new Set(['config', 'postinst', 'postrm', 'preinst', 'prerm']);
const ORIGIN = 'the package database';

/** Returns the common prefix of the package's files in `info/`. */
export function infoName({ binary: { name, architecture, paragraph } }: UnpackedPackage): string {
  return paragraph.get('Multi-Arch') === 'same' ? `${name}:${architecture}` : name;
}

/** Returns the package's paragraph in `status`, in the state "unpacked". */
function statusParagraph({ binary, conffileDigests }: UnpackedPackage): Paragraph {
  const digests = binary.conffiles.flatMap(({ path }) => {
    const md5 = conffileDigests.get(path);
    return md5 === undefined ? [] : [`\n /${path} ${md5}`];
  });
  const fields: Field[] = binary.paragraph.fields.flatMap((field) =>
    field.name.toLowerCase() === 'package'
      ? [field, { name: 'Status', value: 'install ok unpacked' }]
      : [field],
  );
  if (digests.length > 0) fields.push({ name: 'Conffiles', value: digests.join('') });
  return new Paragraph(fields);
}

/** Returns the list of a package's paths, as `dpkg -L` prints it. */
function fileList({ listedPaths }: UnpackedPackage): string {
  return [...listedPaths].map((path) => `/${path === '' ? '.' : path}\n`).join('');
}

/** Adds the database to the tree, in the same state as after dpkg has unpacked all packages. */
export function addDatabase(builder: LayerBuilder, packages: readonly UnpackedPackage[]): void {
  const addFile = (path: string, content: string | Uint8Array, mode = 0o644) => {
    const bytes = Buffer.from(content);
    const entry: Entry = {
      type: 'file',
      path: `${DATABASE}/${path}`,
      mode,
      uid: 0,
      gid: 0,
      xattrs: NO_XATTRS,
      sizeBytes: bytes.length,
    };
    builder.addBytes(entry, bytes, ORIGIN);
  };
  for (const name of ['', 'alternatives', 'info', 'parts', 'triggers', 'updates']) {
    const path = name === '' ? DATABASE : `${DATABASE}/${name}`;
    const entry: Entry = { type: 'directory', path, mode: 0o755, uid: 0, gid: 0, xattrs: NO_XATTRS };
    builder.addBytes(entry, new Uint8Array(), ORIGIN);
  }
  addFile('status', formatControl(packages.map(statusParagraph)));
  for (const name of ['available', 'diversions', 'statoverride']) addFile(name, '');
  addFile('info/format', INFO_FORMAT);
  for (const unpacked of packages) {
    const stem = `info/${infoName(unpacked)}`;
    addFile(`${stem}.list`, fileList(unpacked));
    for (const [name, content] of unpacked.binary.controlFiles) {
      if (name === 'control') continue;
      const installed =
        name === 'triggers' ? withoutSilenced(Buffer.from(content).toString('utf8')) : content;
      addFile(`${stem}.${name}`, installed, SCRIPTS.has(name) ? 0o755 : 0o644);
    }
  }
  for (const [name, content] of triggerFiles(packages.map(({ binary }) => binary))) {
    addFile(`triggers/${name}`, content);
  }
}
