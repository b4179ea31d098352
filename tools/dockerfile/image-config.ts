/** What a stage knows besides its files: `*.config.json`. */
import { readJson, UserError } from '../lib/cli/cli.ts';

export interface ImageConfig {
  readonly env: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  readonly user: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly shell: readonly string[];
}

/** What BuildKit gives an image that says nothing itself. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
export const DEFAULT_CONFIG: ImageConfig = {
  env: { PATH: DEFAULT_PATH },
  workingDirectory: '/',
  user: 'root',
  labels: {},
  shell: ['/bin/sh', '-c'],
};

/** Reads a base's configuration; what it leaves out has its default. @throws UserError where it is not one */
export function readConfig(path: string): ImageConfig {
  const given = readJson<Partial<ImageConfig> | null>(path);
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    throw new UserError(`${path}: not the configuration of an image, which is a JSON object`);
  }
  return { ...DEFAULT_CONFIG, ...given, env: { PATH: DEFAULT_PATH, ...given.env } };
}

/** The file's text. The order of the keys is the order in which they were set, which the Dockerfile fixes. */
export function configText(config: ImageConfig): string {
  const { env, workingDirectory, user, labels, shell } = config;
  return `${JSON.stringify({ env, workingDirectory, user, labels, shell }, undefined, 2)}\n`;
}
