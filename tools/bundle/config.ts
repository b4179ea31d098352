import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';

/**
 * The folder that pnpm (`.pnpm`) or aspect_rules_js (`.aspect_rules_js`) keeps a package in. esbuild names each
 * module's file in a comment of the bundle, and a bundle must not tell who laid the packages out.
 */
const STORE = /node_modules\/\.(?:pnpm|aspect_rules_js)\/[^/\s"']+\/node_modules\//g;

/**
 * aspect_rules_esbuild resolves imports through a plugin of its own, and esbuild then no longer knows that our files
 * are ES modules in Node's sense ("type" in package.json): a default import of a CommonJS module would be another value
 * than in Node. The second argument puts that right; `//tools/prebuilt:bundles_equal_test` holds the result to what
 * esbuild makes where it resolves by itself.
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
 * Puts the content of text files, such as shell scripts, into the bundle. A module reads such a file with
 * `readFileSync(new URL('./guest.sh', import.meta.url), 'utf8')`, which works in plain Node and in vitest without a
 * loader. A bundle has no files beside it, so this plugin replaces the call by the text.
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

/** Writes the bundles: the same bytes whoever laid out the packages, and a file only where its content is new. */
const stableOutput: Plugin = {
  name: 'stable-output',
  setup(build) {
    build.initialOptions.write = false;
    build.onEnd((result) => {
      for (const file of result.outputFiles ?? []) {
        const content = stable(file.text);
        if (hasContent(file.path, content)) continue;
        mkdirSync(dirname(file.path), { recursive: true });
        // Whoever reads it meanwhile sees all of the old one or all of the new one.
        writeFileSync(`${file.path}.new`, content);
        renameSync(`${file.path}.new`, file.path);
      }
    });
  },
};

/**
 * How a tool becomes one file. Two read this: main.ts beside it, for the prebuilt toolchain, and aspect_rules_esbuild,
 * for the one built from source. Every option that changes a byte is here.
 */
const config: BuildOptions = {
  format: 'esm',
  platform: 'node',
  target: ['node24'],
  charset: 'utf8',
  legalComments: 'inline',
  ignoreAnnotations: false,
  minify: false,
  // Packages in CommonJS form load Node's own modules with `require`, which an ES module has not.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module';\nconst require = requireOf(import.meta.url);",
  },
  plugins: [inlineTextFiles, stableOutput],
};

export default config;
