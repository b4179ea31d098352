/** What a root file system knows besides its files, as every one of them carries it: `*.config.json`. */
import { UserError } from '../error/user-error.ts';

export interface RootConfig {
  readonly env: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  readonly user: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly shell: readonly string[];
}

/** What container engines give an image that says nothing itself. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
export const DEFAULT_CONFIG: RootConfig = {
  env: { PATH: DEFAULT_PATH },
  workingDirectory: '/',
  user: 'root',
  labels: {},
  shell: ['/bin/sh', '-c'],
};

/**
 * Reads a configuration's JSON value; what it leaves out has its default.
 *
 * @param name the file's name for error messages
 * @throws UserError where it is not one
 */
export function parseRootConfig(value: unknown, name: string): RootConfig {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new UserError(`${name}: not the configuration of a root file system, which is a JSON object`);
  }
  const given = value as Partial<RootConfig>;
  return { ...DEFAULT_CONFIG, ...given, env: { PATH: DEFAULT_PATH, ...given.env } };
}

/** The file's text. Keys stand in the order in which they were set, which the input fixes. */
export function rootConfigText(config: RootConfig): string {
  const { env, workingDirectory, user, labels, shell } = config;
  return `${JSON.stringify({ env, workingDirectory, user, labels, shell }, undefined, 2)}\n`;
}
