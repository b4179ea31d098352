import { type Field, formatControl, Paragraph } from '../lib/formats/deb/control.ts';
import { type Entry, NO_XATTRS } from '../lib/formats/entry/entry.ts';
import type { LayerBuilder } from '../lib/image/layer/builder.ts';
import { triggerFiles, withoutSilenced } from './triggers.ts';
import type { UnpackedPackage } from './unpack.ts';

/** dpkg's database: which packages there are, in which state, with which files and scripts. */
export const DATABASE = 'var/lib/dpkg';
/** The version of the layout of `info/`, in which packages of several architectures can stand beside each other. */
const INFO_FORMAT = '1\n';
const SCRIPTS: ReadonlySet<string> = new Set(['config', 'postinst', 'postrm', 'preinst', 'prerm']);
const ORIGIN = 'the package database';

/** The stem of the package's files in `info/`. */
export function infoName({ binary: { name, architecture, paragraph } }: UnpackedPackage): string {
  return paragraph.get('Multi-Arch') === 'same' ? `${name}:${architecture}` : name;
}

/** The package's paragraph in `status`: unpacked, and not configured yet. */
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

/** The list of a package's paths, as `dpkg -L` shows them. */
function fileList({ listedPaths }: UnpackedPackage): string {
  return [...listedPaths].map((path) => `/${path === '' ? '.' : path}\n`).join('');
}

/** Adds the database to the tree, in the state that dpkg leaves it in when everything is unpacked. */
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
