import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { realTool } from '../real-tool.ts';

/** The contents of a package for a test. Files are given by path. */
export interface Sample {
  /** The files of `DEBIAN/`. Scripts get mode 0755. */
  readonly control: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  /** A shell script that runs in the package's directory before it is packed. */
  readonly script?: string;
  /** The compression of the members, as dpkg-deb names it. */
  readonly compression?: string;
  /** More options of dpkg-deb. */
  readonly options?: readonly string[];
}

const SCRIPTS = new Set(['preinst', 'postinst', 'prerm', 'postrm', 'config']);

/** Makes control data with the fields that dpkg requires. */
export function controlText(name: string, version = '1.0', more = ''): string {
  return `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\nMaintainer: Nobody <nobody@example.org>\n${more}Description: a test\n`;
}

/** Builds a package with the real dpkg-deb. */
export function buildDeb(sample: Sample): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'deb-sample-'));
  try {
    const tree = join(directory, 'tree');
    const put = (path: string, content: string, mode: number) => {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), content, { mode });
    };
    for (const [name, content] of Object.entries(sample.control)) {
      put(`DEBIAN/${name}`, content, SCRIPTS.has(name) ? 0o755 : 0o644);
    }
    for (const [path, content] of Object.entries(sample.files ?? {})) put(path, content, 0o644);
    if (sample.script !== undefined) execFileSync('/bin/sh', ['-euc', sample.script], { cwd: tree });
    const output = join(directory, 'sample.deb');
    const compression = `-Z${sample.compression ?? 'xz'}`;
    const options = ['--root-owner-group', compression, ...(sample.options ?? [])];
    execFileSync(realTool('dpkg-deb', 'dpkg'), [...options, '--build', tree, output], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return readFileSync(output);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
