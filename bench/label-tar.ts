/** Adds an SELinux label to every member of a tar. */
import { closeSync, openSync, readSync } from 'node:fs';
import { writeFully } from '../tools/lib/formats/block/write.ts';
import type { Entry } from '../tools/lib/formats/entry/entry.ts';
import { readTarSync } from '../tools/lib/formats/tar/reader.ts';
import { TAR_END, tarHeader, tarPadding } from '../tools/lib/formats/tar/writer.ts';

const READ_BYTES = 1 << 20;
const ATTRIBUTE = 'security.selinux';
/**
 * The types by path. The first pattern that matches determines the type. The number of types is
 * similar to that of a root with the reference policy.
 */
const TYPES: readonly (readonly [RegExp, string])[] = [
  [/^usr\/s?bin\/[a-f]/, 'bin_t'],
  [/^usr\/s?bin\//, 'initrc_exec_t'],
  [/^usr\/lib\/modules\//, 'modules_object_t'],
  [/^usr\/lib\/systemd\//, 'systemd_unit_file_t'],
  [/^usr\/lib\/.*\.so/, 'lib_t'],
  [/^usr\/lib\//, 'textrel_shlib_t'],
  [/^usr\/share\/man\//, 'man_t'],
  [/^usr\/share\/fonts\//, 'fonts_t'],
  [/^usr\/share\/locale\//, 'locale_t'],
  [/^usr\/src\//, 'src_t'],
  [/^usr\//, 'usr_t'],
  [/^etc\//, 'etc_t'],
  [/^boot\//, 'boot_t'],
  [/^var\/lib\//, 'var_lib_t'],
  [/^var\//, 'var_t'],
];

/** Returns the label with a terminating zero byte, as the kernel stores it. */
function label(path: string): Uint8Array {
  const type = TYPES.find(([pattern]) => pattern.test(path))?.[1] ?? 'root_t';
  return Buffer.from(`system_u:object_r:${type}:s0\0`);
}

function* chunks(path: string): Generator<Uint8Array, void, undefined> {
  const descriptor = openSync(path, 'r');
  try {
    for (;;) {
      const buffer = Buffer.allocUnsafe(READ_BYTES);
      const count = readSync(descriptor, buffer);
      if (count === 0) return;
      yield buffer.subarray(0, count);
    }
  } finally {
    closeSync(descriptor);
  }
}

function labelled(entry: Entry): Entry {
  return { ...entry, xattrs: new Map([...entry.xattrs, [ATTRIBUTE, label(entry.path)]]) };
}

/**
 * Copies the tar at `source` to `path` with a label on every entry, including the root directory.
 */
export function labelTar(source: string, path: string): void {
  const root: Entry = { type: 'directory', path: '', mode: 0o755, uid: 0, gid: 0, xattrs: new Map() };
  const descriptor = openSync(path, 'w');
  const write = (bytes: Uint8Array) => writeFully(descriptor, path, bytes);
  let padding: Uint8Array = new Uint8Array();
  write(tarHeader(labelled(root)));
  for (const event of readTarSync(chunks(source), source)) {
    if (event.kind === 'data') {
      write(event.bytes);
      continue;
    }
    write(padding);
    const { entry } = event;
    padding = entry.type === 'file' ? tarPadding(entry.sizeBytes) : new Uint8Array();
    if (entry.path !== '') write(tarHeader(labelled(entry)));
  }
  write(padding);
  write(TAR_END);
  closeSync(descriptor);
}
