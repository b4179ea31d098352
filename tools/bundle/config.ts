import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';

/**
 * The directory in which pnpm (`.pnpm`) or aspect_rules_js (`.aspect_rules_js`) keeps a package.
 * esbuild writes the path of each module into a comment of the bundle, and a bundle must not depend
 * on the installer.
 */
const STORE = /node_modules\/\.(?:pnpm|aspect_rules_js)\/[^/\s"']+\/node_modules\//g;

/**
 * aspect_rules_esbuild resolves imports in a plugin. esbuild then does not know that our files are
 * ES modules in Node's sense ("type" in package.json), and a default import of a CommonJS module
 * would have a different value than in Node. The second argument corrects that.
 * `//tools/prebuilt:bundles_equal_test` compares the result with bundles for which esbuild resolves
 * the imports.
 */
const RESOLVED_BY_PLUGIN = process.env['ESBUILD_BAZEL_SANDBOX_PLUGIN'] !== undefined;
const IMPORT_OF_COMMONJS = /\b__toESM\((require_\w+\(\))\)/g;

function stable(text: string): string {
  const withoutStore = text.replaceAll(STORE, 'node_modules/');
  return RESOLVED_BY_PLUGIN ? withoutStore.replaceAll(IMPORT_OF_COMMONJS, '__toESM($1, 1)') : withoutStore;
}

function hasContent(path: string, content: string): boolean {
  try {
    return readFileSync(path, 'utf8') === content;
  } catch {
    return false;
  }
}

/** The one form in which a module reads a text file beside it. */
const TEXT_FILE = /\breadFileSync\(new URL\('\.\/([\w.-]+)', import\.meta\.url\), 'utf8'\)/g;
const FILE_OF_MODULE = /\breadFileSync\(\s*new URL\(/;

/**
 * Puts the content of text files, such as shell scripts, into the bundle. A module reads such a
 * file with `readFileSync(new URL('./guest.sh', import.meta.url), 'utf8')`, which works in plain
 * Node and in vitest without a loader. A bundle has no files beside it, so this plugin replaces the
 * call by the text.
 */
const inlineTextFiles: Plugin = {
  name: 'inline-text-files',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      if (!FILE_OF_MODULE.test(source)) return undefined;
      const text = (name: string): string => JSON.stringify(readFileSync(join(dirname(path), name), 'utf8'));
      const contents = source.replace(TEXT_FILE, (_, name: string) => text(name));
      if (!FILE_OF_MODULE.test(contents)) return { contents, loader: 'ts' };
      return {
        errors: [
          { text: `${path}: only readFileSync(new URL('./NAME', import.meta.url), 'utf8') can be bundled` },
        ],
      };
    });
  },
};

/**
 * Writes the bundles: the same bytes for every installer, and a file only if its content has
 * changed.
 */
const stableOutput: Plugin = {
  name: 'stable-output',
  setup(build) {
    build.initialOptions.write = false;
    build.onEnd((result) => {
      for (const file of result.outputFiles ?? []) {
        const content = stable(file.text);
        if (hasContent(file.path, content)) continue;
        mkdirSync(dirname(file.path), { recursive: true });
        // A concurrent reader sees either the complete old file or the complete new one.
        writeFileSync(`${file.path}.new`, content);
        renameSync(`${file.path}.new`, file.path);
      }
    });
  },
};

/**
 * The options that bundle a tool into one file. main.ts uses them for the prebuilt toolchain,
 * aspect_rules_esbuild for the toolchain that is built from source. Every option that changes a
 * byte is here.
 */
const config: BuildOptions = {
  format: 'esm',
  platform: 'node',
  target: ['node24'],
  charset: 'utf8',
  legalComments: 'inline',
  ignoreAnnotations: false,
  minify: false,
  // Packages in CommonJS form load Node's own modules with `require`, which ES modules do not have.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module';\nconst require = requireOf(import.meta.url);",
  },
  plugins: [inlineTextFiles, stableOutput],
};

export default config;
