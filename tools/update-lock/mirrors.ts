import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseControl } from '../lib/formats/deb/control.ts';
import { UserError } from '../lib/formats/error/user-error.ts';

/**
 * The environment variable with mirrors, separated by spaces or commas. If it is set, the host's
 * apt configuration is not read.
 */
export const MIRRORS_VARIABLE = 'ICOS_APT_MIRRORS';

const withoutSlash = (url: string) => url.replace(/\/+$/, '');
const isWebAddress = (url: string) => /^https?:\/\//.test(url);

/**
 * Finds the mirrors of a one-line-style source file: `deb [option=value …] URI suite component…`.
 */
export function parseOneLineSources(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s*)?(\S+)\s/.exec(line.replace(/#.*/, ' '));
    return match?.[1] === undefined ? [] : [match[1]];
  });
}

/**
 * Finds the mirrors of a deb822-style source file. Ignores paragraphs with `Enabled: no` or without
 * binary packages.
 */
export function parseDeb822Sources(text: string, where: string): string[] {
  return parseControl(text, where).flatMap((paragraph) => {
    const disabled = /^(no|false|off|disable|without|0)$/i.test(paragraph.get('Enabled') ?? 'yes');
    const types = (paragraph.get('Types') ?? '').split(/\s+/);
    return disabled || !types.includes('deb') ? [] : (paragraph.get('URIs') ?? '').split(/\s+/);
  });
}

/** Returns every address of the host's apt configuration, in the order of its files. */
export function hostMirrors(aptDirectory: string): string[] {
  const parts = join(aptDirectory, 'sources.list.d');
  const files = [
    join(aptDirectory, 'sources.list'),
    ...(existsSync(parts) ? readdirSync(parts) : []).sort().map((name) => join(parts, name)),
  ];
  return files.flatMap((file) => {
    if (!existsSync(file)) return [];
    if (file.endsWith('.list')) return parseOneLineSources(readFileSync(file, 'utf8'));
    if (file.endsWith('.sources')) return parseDeb822Sources(readFileSync(file, 'utf8'), file);
    return [];
  });
}

/** Returns the base addresses to try, in order, each once. */
export function configuredMirrors(variable: string | undefined, aptDirectory: string): string[] {
  const fromVariable = (variable ?? '').split(/[\s,]+/).filter((url) => url !== '');
  const found = fromVariable.length > 0 ? fromVariable : hostMirrors(aptDirectory);
  const mirrors = [...new Set(found.filter(isWebAddress).map(withoutSlash))];
  if (mirrors.length === 0) {
    throw new UserError(
      `no mirror of Debian packages is known: set ${MIRRORS_VARIABLE} to the base addresses of one or more ` +
        `("http://HOST/debian"), or add one to ${join(aptDirectory, 'sources.list.d')}`,
    );
  }
  return mirrors;
}
