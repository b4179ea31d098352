/**
 * Reads and writes the configuration of a root file system, `*.config.json`: everything except its
 * files.
 */
import { UserError } from '../error/user-error.ts';

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

/**
 * Reads the JSON value of a configuration. Missing values have their defaults.
 *
 * @param name the file's name, for errors
 * @throws UserError if the value is not a JSON object
 */
export function parseRootConfig(value: unknown, name: string): RootConfig {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new UserError(`${name}: not the configuration of a root file system, which is a JSON object`);
  }
  const given = value as Partial<RootConfig>;
  return { ...DEFAULT_CONFIG, ...given, env: { PATH: DEFAULT_PATH, ...given.env } };
}

/**
 * Makes the text of the file. Keys are in the order in which they were set, which depends only on
 * the input.
 */
export function rootConfigText(config: RootConfig): string {
  const { env, workingDirectory, user, labels, shell } = config;
  return `${JSON.stringify({ env, workingDirectory, user, labels, shell }, undefined, 2)}\n`;
}
