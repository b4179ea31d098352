/**
 * Reads and writes the configuration of a root file system, `*.config.json`: everything except its
 * files.
 */
import { listOf, mapOf, object, type Reader, text } from '../json/json.ts';

export interface RootConfig {
  readonly env: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  readonly user: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly shell: readonly string[];
}

/** The defaults of container engines. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
export const DEFAULT_CONFIG: RootConfig = {
  env: { PATH: DEFAULT_PATH },
  workingDirectory: '/',
  user: 'root',
  labels: {},
  shell: ['/bin/sh', '-c'],
};

const GIVEN = object(
  {},
  { env: mapOf(text), workingDirectory: text, user: text, labels: mapOf(text), shell: listOf(text) },
);

/** Reads the JSON value of a configuration. Missing members have their defaults. */
export const ROOT_CONFIG: Reader<RootConfig> = (value, place) => {
  const given = GIVEN(value, place);
  return { ...DEFAULT_CONFIG, ...given, env: { PATH: DEFAULT_PATH, ...given.env } };
};

/**
 * Makes the text of the file. Keys are in the order in which they were set, which depends only on
 * the input.
 */
export function rootConfigText(config: RootConfig): string {
  const { env, workingDirectory, user, labels, shell } = config;
  return `${JSON.stringify({ env, workingDirectory, user, labels, shell }, undefined, 2)}\n`;
}
