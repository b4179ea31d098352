/**
 * Parses the documents of an OCI image: descriptors, indexes, manifests and configurations.
 *
 * Specification: OCI Image Format Specification 1.1 (descriptor.md, image-index.md, manifest.md,
 * config.md), and for the media types of Docker its "Image Manifest Version 2, Schema 2".
 */
import { UserError } from '../error/user-error.ts';
import { count, listOf, mapOf, object, oneOf, parseJson, type Reader, text } from '../json/json.ts';
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
const LAYER_TYPES: ReadonlyMap<string, Compression> = new Map(
  Object.entries<Compression>({
    'application/vnd.oci.image.layer.v1.tar': 'none',
    'application/vnd.oci.image.layer.v1.tar+gzip': 'gzip',
    'application/vnd.oci.image.layer.v1.tar+zstd': 'zstd',
    'application/vnd.oci.image.layer.nondistributable.v1.tar': 'none',
    'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip': 'gzip',
    'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd': 'zstd',
    'application/vnd.docker.image.rootfs.diff.tar': 'none',
    'application/vnd.docker.image.rootfs.diff.tar.gzip': 'gzip',
    'application/vnd.docker.image.rootfs.diff.tar.zstd': 'zstd',
  }),
);

/** descriptor.md, "Registered Algorithms": the number of hexadecimal digits of each. */
const DIGEST_DIGITS: Readonly<Record<string, number>> = { sha256: 64, sha512: 128 };

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

/** Reads `null` as an absent value: programs in Go write empty lists and maps so. */
function nullable<T>(read: Reader<T>): Reader<T | undefined> {
  return (value, place) => (value === null ? undefined : read(value, place));
}

const digest: Reader<string> = (value, place) => {
  const found = text(value, place);
  splitDigest(found, `${place.file}: ${place.key}`);
  return found;
};

const PLATFORM_MEMBERS = { os: nullable(text), architecture: nullable(text) };
const PLATFORM = object({}, PLATFORM_MEMBERS);
const DESCRIPTOR = object({ mediaType: text, digest, size: count }, { platform: nullable(PLATFORM) });
const INDEX = object({ manifests: listOf(DESCRIPTOR) });
const MANIFEST = object({ schemaVersion: oneOf(2), config: DESCRIPTOR, layers: listOf(DESCRIPTOR) });
const CONFIGURATION = object(
  { rootfs: object({}, { diff_ids: nullable(listOf(text)) }) },
  {
    ...PLATFORM_MEMBERS,
    config: nullable(
      object(
        {},
        {
          Env: nullable(listOf(text)),
          Labels: nullable(mapOf(text)),
          Shell: nullable(listOf(text)),
          User: nullable(text),
          WorkingDir: nullable(text),
        },
      ),
    ),
  },
);

function platformOf({ os, architecture }: ReturnType<typeof PLATFORM>): Platform {
  return { os: os ?? '', architecture: architecture ?? '' };
}

function descriptorOf({ mediaType, digest, size, platform }: ReturnType<typeof DESCRIPTOR>): Descriptor {
  return { mediaType, digest, sizeBytes: size, platform: platform && platformOf(platform) };
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

/** Parses the descriptors of an index. @param name its name, for errors */
export function parseIndex(json: string, name: string): Descriptor[] {
  return parseJson(json, name, INDEX).manifests.map(descriptorOf);
}

export function parseManifest(json: string, name: string): ImageManifest {
  const { config, layers } = parseJson(json, name, MANIFEST);
  return { config: descriptorOf(config), layers: layers.map(descriptorOf) };
}

/**
 * Returns the compression of a layer.
 *
 * @throws UserError for a media type that is not a layer, or an encrypted layer
 */
export function layerCompression(mediaType: string, name: string): Compression {
  const compression = LAYER_TYPES.get(mediaType);
  if (compression === undefined) {
    throw new UserError(
      `${name}: media type ${mediaType} is not a supported layer; tar, tar+gzip and tar+zstd are supported`,
    );
  }
  return compression;
}

function parseEnvironment(values: readonly string[]): Record<string, string> {
  const pairs = values.map((value) => {
    const equals = value.indexOf('=');
    return equals < 0 ? [value, ''] : [value.slice(0, equals), value.slice(equals + 1)];
  });
  return { PATH: DEFAULT_PATH, ...(Object.fromEntries(pairs) as Record<string, string>) };
}

/** Parses a configuration (config.md, "Properties"). */
export function parseConfiguration(json: string, name: string): ImageConfiguration {
  const { rootfs, config, ...platform } = parseJson(json, name, CONFIGURATION);
  const { Env, Labels, Shell, User, WorkingDir } = config ?? {};
  return {
    platform: platformOf(platform),
    diffIds: rootfs.diff_ids ?? [],
    root: {
      env: parseEnvironment(Env ?? []),
      workingDirectory: WorkingDir || DEFAULT_CONFIG.workingDirectory,
      user: User || DEFAULT_CONFIG.user,
      labels: Labels ?? {},
      shell: Shell !== undefined && Shell.length > 0 ? Shell : DEFAULT_CONFIG.shell,
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
