/**
 * Parses the documents of an OCI image: descriptors, indexes, manifests and configurations.
 *
 * Specification: OCI Image Format Specification 1.1 (descriptor.md, image-index.md, manifest.md,
 * config.md), and for the media types of Docker its "Image Manifest Version 2, Schema 2".
 */
import { UserError } from '../error/user-error.ts';
import { DEFAULT_CONFIG, DEFAULT_PATH, type RootConfig } from './root-config.ts';

/** descriptor.md, "Properties". */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly platform: Platform | undefined;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
}

export interface ImageManifest {
  readonly config: Descriptor;
  /** From the lowest to the highest. */
  readonly layers: readonly Descriptor[];
}

export interface ImageConfiguration {
  readonly platform: Platform;
  /** The digests of the uncompressed layers. */
  readonly diffIds: readonly string[];
  readonly root: RootConfig;
}

const INDEX_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
const MANIFEST_TYPES = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

export type Compression = 'none' | 'gzip' | 'zstd';
const LAYER_TYPES: Readonly<Record<string, Compression>> = {
  'application/vnd.oci.image.layer.v1.tar': 'none',
  'application/vnd.oci.image.layer.v1.tar+gzip': 'gzip',
  'application/vnd.oci.image.layer.v1.tar+zstd': 'zstd',
  'application/vnd.oci.image.layer.nondistributable.v1.tar': 'none',
  'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip': 'gzip',
  'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd': 'zstd',
  'application/vnd.docker.image.rootfs.diff.tar': 'none',
  'application/vnd.docker.image.rootfs.diff.tar.gzip': 'gzip',
  'application/vnd.docker.image.rootfs.diff.tar.zstd': 'zstd',
};

/** descriptor.md, "Registered Algorithms": the number of hexadecimal digits of each. */
const DIGEST_DIGITS: Readonly<Record<string, number>> = { sha256: 64, sha512: 128 };

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Parses a document. @param name its name, for errors */
export function parseDocument(text: string, name: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${name}: not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isObject(value)) throw new UserError(`${name}: not a JSON object`);
  return value;
}

/**
 * Splits a digest.
 *
 * @throws UserError for an unregistered algorithm, or digits that are not lower-case hexadecimal
 */
export function splitDigest(digest: string, name: string): { algorithm: string; hex: string } {
  const [, algorithm = '', hex = ''] = /^([a-z0-9]+):([0-9a-f]+)$/.exec(digest) ?? [];
  if (DIGEST_DIGITS[algorithm] !== hex.length) {
    throw new UserError(`${name}: ${digest} is not a digest of sha256 or sha512`);
  }
  return { algorithm, hex };
}

function parsePlatform(value: unknown): Platform | undefined {
  if (!isObject(value)) return undefined;
  return { os: String(value['os'] ?? ''), architecture: String(value['architecture'] ?? '') };
}

function parseDescriptor(value: unknown, name: string): Descriptor {
  if (!isObject(value)) throw new UserError(`${name}: a descriptor is not a JSON object`);
  const { mediaType, digest, size, platform } = value;
  if (
    typeof mediaType !== 'string' ||
    typeof digest !== 'string' ||
    !Number.isSafeInteger(size) ||
    (size as number) < 0
  ) {
    throw new UserError(`${name}: a descriptor has no media type, digest or size`);
  }
  splitDigest(digest, name);
  return { mediaType, digest, sizeBytes: size as number, platform: parsePlatform(platform) };
}

function parseDescriptors(value: unknown, what: string, name: string): Descriptor[] {
  if (!Array.isArray(value)) throw new UserError(`${name}: the list of ${what} is missing`);
  return value.map((item: unknown) => parseDescriptor(item, name));
}

export function isIndex(mediaType: string): boolean {
  return INDEX_TYPES.includes(mediaType);
}

/**
 * @throws UserError for a media type other than an image's, such as that of a signature or a Helm
 *   chart
 */
export function checkManifestType(mediaType: string, name: string): void {
  if (!MANIFEST_TYPES.includes(mediaType))
    throw new UserError(`${name}: media type ${mediaType} is not an image's manifest`);
}

/** Parses the descriptors of an index. */
export function parseIndex(document: JsonObject, name: string): Descriptor[] {
  return parseDescriptors(document['manifests'], 'manifests', name);
}

export function parseManifest(document: JsonObject, name: string): ImageManifest {
  if (document['schemaVersion'] !== 2) {
    throw new UserError(`${name}: schema version ${String(document['schemaVersion'])}; only 2 is supported`);
  }
  const layers = parseDescriptors(document['layers'], 'layers', name);
  return { config: parseDescriptor(document['config'], name), layers };
}

/**
 * Returns the compression of a layer.
 *
 * @throws UserError for a media type that is not a layer, or an encrypted layer
 */
export function layerCompression(mediaType: string, name: string): Compression {
  const compression = LAYER_TYPES[mediaType];
  if (compression === undefined) {
    throw new UserError(
      `${name}: media type ${mediaType} is not a supported layer; tar, tar+gzip and tar+zstd are supported`,
    );
  }
  return compression;
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function stringValues(value: unknown): Record<string, string> {
  return isObject(value)
    ? Object.fromEntries(Object.entries(value).map(([key, text]) => [key, String(text)]))
    : {};
}

function parseEnvironment(values: readonly string[]): Record<string, string> {
  const pairs = values.map((value) => {
    const equals = value.indexOf('=');
    return equals < 0 ? [value, ''] : [value.slice(0, equals), value.slice(equals + 1)];
  });
  return { PATH: DEFAULT_PATH, ...(Object.fromEntries(pairs) as Record<string, string>) };
}

function nonEmpty(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}

/** Parses a configuration (config.md, "Properties"). */
export function parseConfiguration(document: JsonObject, name: string): ImageConfiguration {
  const { rootfs, config } = document;
  if (!isObject(rootfs)) throw new UserError(`${name}: the image's configuration has no "rootfs"`);
  const settings = isObject(config) ? config : {};
  const shell = strings(settings['Shell']);
  return {
    platform: { os: String(document['os'] ?? ''), architecture: String(document['architecture'] ?? '') },
    diffIds: strings(rootfs['diff_ids']),
    root: {
      env: parseEnvironment(strings(settings['Env'])),
      workingDirectory: nonEmpty(settings['WorkingDir'], DEFAULT_CONFIG.workingDirectory),
      user: nonEmpty(settings['User'], DEFAULT_CONFIG.user),
      labels: stringValues(settings['Labels']),
      shell: shell.length > 0 ? shell : DEFAULT_CONFIG.shell,
    },
  };
}

/** Parses `OS/ARCHITECTURE`. */
export function parsePlatformName(text: string): Platform {
  const [os = '', architecture = '', ...more] = text.split('/');
  if (os === '' || architecture === '' || more.length > 0) {
    throw new UserError(`--platform=${text} is not OS/ARCHITECTURE, such as linux/amd64`);
  }
  return { os, architecture };
}

export function platformName({ os, architecture }: Platform): string {
  return `${os}/${architecture}`;
}

/**
 * Chooses a descriptor of an index by its platform. A descriptor without a platform is chosen if it
 * is the only candidate. Then the configuration names the platform.
 *
 * @throws UserError if no descriptor, or more than one, is for the platform
 */
export function chooseByPlatform(
  descriptors: readonly Descriptor[],
  wanted: Platform,
  name: string,
): Descriptor {
  const images = descriptors.filter(
    ({ platform }) => platform === undefined || platformName(platform) !== 'unknown/unknown',
  );
  const fitting = images.filter(
    ({ platform }) => platform !== undefined && platformName(platform) === platformName(wanted),
  );
  const candidates = fitting.length > 0 ? fitting : images.filter(({ platform }) => platform === undefined);
  const [only, second] = candidates;
  if (only === undefined) {
    const there = images.map(({ platform }) => platform && platformName(platform)).join(', ');
    throw new UserError(
      `${name}: no image for ${platformName(wanted)}; it has ${there === '' ? 'no images' : `images for ${there}`}`,
    );
  }
  if (second !== undefined && second.digest !== only.digest) {
    throw new UserError(
      `${name}: ${candidates.length} images for ${platformName(wanted)}; use a layout with one`,
    );
  }
  return only;
}
