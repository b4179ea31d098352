/** The peers' tools: programs of Debian packages that run in place, with their own loader and libraries. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bazel, WORKSPACE } from './bazel.ts';
import type { Command } from './run.ts';

/** Every command of `@bench_tools` has its program in one of them. */
const PROGRAM_FOLDERS = ['usr/bin', 'usr/sbin'];
const LIBRARY_FOLDERS = ['usr/lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu/systemd'];
/** Where the loader of an `apt.root` stands; see rules/private/apt_root.bzl. */
const LOADER = 'usr/bin/.ld.so';
const MKE2FS_CONFIGURATION = 'etc/mke2fs.conf';
const FAKEROOT_LIBRARY = 'usr/lib/x86_64-linux-gnu/libfakeroot/libfakeroot-sysv.so';
const LOCK = join(WORKSPACE, 'bench/tools.lock.json');
const SHELL = '/bin/sh';
/** genimage starts everything with `sh -o pipefail -c`, which shells of POSIX before 2024 do not know. */
const PIPEFAIL_SHELL = '/bin/bash';

/** Fetches an external repository's target, and gives the paths of its files. */
export function externalFiles(target: string): string[] {
  bazel('build', target);
  const base = bazel('info', 'output_base').trim();
  const files = bazel('cquery', '--output=files', target).trim().split('\n');
  return files.map((file) => join(base, file));
}

export class PeerTools {
  /** The directory of the unpacked packages. */
  readonly root: string;
  #genimagePrefix: readonly string[] | undefined;

  private constructor(root: string) {
    this.root = root;
  }

  /**
   * Fetches and unpacks the packages, if they are not there yet.
   *
   * @param note a file that says where they are: Bazel is only asked again when the lock has changed
   */
  static fetch(note: string): PeerTools {
    const lock = createHash('sha256').update(readFileSync(LOCK)).digest('hex');
    const [noted, root = ''] = existsSync(note) ? readFileSync(note, 'utf8').split('\n') : [];
    if (noted === lock && existsSync(join(root, LOADER))) return new PeerTools(root);
    const files = externalFiles('@bench_tools//:root');
    const configuration = files.find((file) => file.endsWith(MKE2FS_CONFIGURATION));
    if (configuration === undefined) throw new Error(`@bench_tools has no ${MKE2FS_CONFIGURATION}`);
    const fetched = dirname(dirname(configuration));
    writeFileSync(note, `${lock}\n${fetched}\n`);
    return new PeerTools(fetched);
  }

  #program(name: string): string {
    const path = PROGRAM_FOLDERS.map((folder) => join(this.root, folder, name)).find(existsSync);
    if (path === undefined) throw new Error(`no package of bench/tools.packages has the program ${name}`);
    return path;
  }

  /** A command line through the packages' loader, without the shell of the wrappers in between. */
  command(name: string, ...args: readonly string[]): Command {
    const libraries = LIBRARY_FOLDERS.map((folder) => join(this.root, folder)).join(':');
    return {
      name,
      argv: [
        join(this.root, LOADER),
        '--inhibit-cache',
        '--library-path',
        libraries,
        '--argv0',
        name,
        this.#program(name),
        ...args,
      ],
      environment: {
        MKE2FS_CONFIG: join(this.root, MKE2FS_CONFIGURATION),
        // What a program starts in its turn.
        PATH: `${join(dirname(this.root), 'bin')}:/usr/bin:/bin`,
      },
    };
  }

  /** A command under fakeroot, as its script starts one: the library in front, and the key of the daemon. */
  fakerootCommand(key: string, name: string, ...args: readonly string[]): Command {
    const command = this.command(name, ...args);
    const environment = {
      ...command.environment,
      FAKEROOTKEY: key,
      LD_PRELOAD: join(this.root, FAKEROOT_LIBRARY),
    };
    return { ...command, environment };
  }

  /**
   * genimage, with a shell that it can use: the host's, or else bash in its place, in a mount namespace.
   *
   * @throws Error where the host has neither
   */
  genimage(...args: readonly string[]): Command {
    const command = this.command('genimage', ...args);
    this.#genimagePrefix ??= genimagePrefix();
    return { ...command, argv: [...this.#genimagePrefix, ...command.argv] };
  }
}

function genimagePrefix(): readonly string[] {
  const knowsPipefail = (shell: string) => spawnSync(shell, ['-o', 'pipefail', '-c', 'true']).status === 0;
  if (knowsPipefail(SHELL)) return [];
  const script = `mount --bind ${PIPEFAIL_SHELL} ${SHELL} && exec "$@"`;
  const prefix = ['unshare', '--map-root-user', '--mount', PIPEFAIL_SHELL, '-c', script, 'genimage'];
  const [program = '', ...args] = [...prefix, SHELL, '-o', 'pipefail', '-c', 'true'];
  if (spawnSync(program, args).status === 0) return prefix;
  throw new Error(
    `genimage: ${SHELL} does not know "-o pipefail", and ${PIPEFAIL_SHELL} cannot be put in its place: ` +
      'allow user namespaces, or use a newer dash',
  );
}
