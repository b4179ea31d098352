/** Builds an initramfs from a root file system and a specification. */
import { writeNewc } from '../lib/formats/cpio/newc.ts';
import { baseName } from '../lib/formats/entry/entry.ts';
import { zstdFrame } from '../lib/formats/zstd/compress.ts';
import { ArchiveTree, DIRECTORY_MODE } from './archive-tree.ts';
import { linkApplets } from './busybox.ts';
import { ModuleIndex } from './kernel-modules.ts';
import { LibraryCollector } from './libraries.ts';
import type { RootTree } from './root-tree.ts';

export interface InitramfsFile {
  readonly path: string;
  readonly content: Uint8Array;
  readonly mode: number;
}

/** The contents of an initramfs. All paths are relative to the root, in normal form. */
export interface InitramfsSpec {
  /**
   * Programs and libraries of the root file system. The libraries that they need are added.
   * BusyBox, recognized by its name `busybox`, gets a link for each of its applets.
   */
  readonly binaries: readonly string[];
  /** Kernel modules by name. */
  readonly modules: readonly string[];
  /** Additional files. For an ELF file, the libraries that it needs are added. */
  readonly files: readonly InitramfsFile[];
  readonly directories: readonly string[];
  readonly symlinks: readonly { readonly path: string; readonly target: string }[];
  /** The applets to link to BusyBox; all if the list is empty. */
  readonly applets: readonly string[];
}

/** The links of a merged /usr. Without them, `/bin/sh` and the ELF interpreter are not found. */
const TOP_LEVEL_LINKS = ['bin', 'lib', 'lib32', 'lib64', 'sbin'];
const BUSYBOX = 'busybox';
const MOUNT_POINTS = ['dev', 'proc', 'run', 'sys'];
/**
 * Linux, Documentation/admin-guide/devices.txt: 5,1 is /dev/console, which init uses for its
 * standard streams; 1,3 is /dev/null.
 */
const CONSOLE = { path: 'dev/console', mode: 0o600, major: 5, minor: 1 };
const NULL = { path: 'dev/null', mode: 0o666, major: 1, minor: 3 };
/**
 * Level 19 has a window of 8 MiB. The kernel accepts at most 128 MiB (Linux,
 * lib/decompress_unzstd.c, ZSTD_WINDOWSIZE_MAX), and allocates the window while it unpacks. There
 * is only one frame, because a cpio archive must end where its compressed data ends
 * (init/initramfs.c).
 */
const ZSTD_LEVEL = 19;

/**
 * Collects the members of the archive.
 *
 * @throws UserError if something that the specification requires does not exist
 */
export async function collect(root: RootTree, spec: InitramfsSpec): Promise<ArchiveTree> {
  const archive = new ArchiveTree(root);
  for (const link of TOP_LEVEL_LINKS) archive.addLinkOfRoot(link);
  for (const directory of [...MOUNT_POINTS, ...spec.directories])
    archive.addDirectory(directory, DIRECTORY_MODE);
  for (const { path, mode, major, minor } of [CONSOLE, NULL])
    archive.addCharacterDevice(path, mode, major, minor);
  const libraries = await LibraryCollector.create(root, archive);
  for (const binary of spec.binaries) await libraries.add(binary);
  for (const { path, content, mode } of spec.files) {
    archive.addFile(path, content, mode);
    await libraries.addNeeded(path, content);
  }
  for (const { path, target } of spec.symlinks) archive.addSymlink(path, target);
  if (spec.modules.length > 0) await (await ModuleIndex.read(root)).install(spec.modules, archive);
  // Last, because an applet never replaces a program.
  for (const binary of spec.binaries.filter((path) => baseName(path) === BUSYBOX)) {
    const { path, content } = await archive.copyFile(binary, 'binary');
    linkApplets(archive, path, content, spec.applets);
  }
  return archive;
}

/** Returns the archive in the form in which the boot loader passes it to the kernel. */
export async function buildInitramfs(root: RootTree, spec: InitramfsSpec): Promise<Uint8Array> {
  const archive = await collect(root, spec);
  return await zstdFrame(Buffer.concat([...writeNewc(archive.members())]), ZSTD_LEVEL);
}
