/**
 * The peers' tools: programs from Debian packages that run in place, with their own loader and
 * libraries.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BENCH_WORKSPACE, bazel } from './bazel.ts';
import type { Command } from './run.ts';

/** The directories of `@bench_tools` that hold programs. */
const PROGRAM_FOLDERS = ['usr/bin', 'usr/sbin'];
const LIBRARY_FOLDERS = ['usr/lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu/systemd', 'usr/lib'];
/** The path of the loader in an `apt.root`; see rules/private/apt_root.bzl. */
const LOADER = 'usr/bin/.ld.so';
const MKE2FS_CONFIGURATION = 'etc/mke2fs.conf';
const FAKEROOT_LIBRARY = 'usr/lib/x86_64-linux-gnu/libfakeroot/libfakeroot-sysv.so';
const LOCK = join(BENCH_WORKSPACE, 'tools.lock.json');
const SHELL = '/bin/sh';
/**
 * genimage runs its commands with `sh -o pipefail -c`, which a shell older than POSIX.1-2024 may
 * not support.
 */
const PIPEFAIL_SHELL = '/bin/bash';

/** Fetches a target of an external repository and returns the paths of its files. */
export function externalFiles(target: string): string[] {
  bazel(BENCH_WORKSPACE, 'build', target);
  const base = bazel(BENCH_WORKSPACE, 'info', 'output_base').trim();
  const files = bazel(BENCH_WORKSPACE, 'cquery', '--output=files', target).trim().split('\n');
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
   * Fetches and unpacks the packages if they do not exist yet.
   *
   * @param note a file that records their location, so that Bazel runs again only after the lock
   * has changed
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
    if (path === undefined)
      throw new Error(`no package of bench/tools.packages contains the program ${name}`);
    return path;
  }

  /**
   * Returns a command line that starts the packages' loader directly, without the wrapper's shell.
   */
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
        // For the programs that this one starts.
        PATH: `${join(dirname(this.root), 'bin')}:/usr/bin:/bin`,
      },
    };
  }

  /**
   * Returns a command under fakeroot, as its script starts one: with its library preloaded and the
   * daemon's key.
   */
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
   * Returns a genimage command with a shell that it can use: the host's `sh`, or bash mounted over
   * it.
   *
   * @throws Error if the host's `sh` does not support pipefail and nothing can be mounted over it
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
    `genimage: ${SHELL} does not support "-o pipefail", and ${PIPEFAIL_SHELL} cannot be mounted over it: ` +
      'allow user namespaces, or use a newer dash',
  );
}
