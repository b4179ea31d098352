import { comparePaths } from '../../formats/entry/entry.ts';
import { count, listOf, mapOf, object, oneOf, type Reader, text } from '../../formats/json/json.ts';
import { FACTS, type PartitionFacts } from '../packed/index.ts';
import {
  type EntryList,
  type EntryRecord,
  jsonLines,
  OPTIONAL_RECORD_MEMBERS,
  RECORD_MEMBERS,
} from './entries.ts';

/** A package of the image. */
export interface PackageRecord {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly source: string;
  /** SHA-256 of the .deb, hexadecimal. */
  readonly sha256: string;
}

/** A package and the paths of its files, relative to the root. */
export type PackageContents = PackageRecord & { readonly files: readonly string[] };

/** A component file: its path in the image, and the target that built it. */
export interface ComponentRecord {
  readonly path: string;
  readonly label: string;
  /** A description of what the file does, if it is a placeholder for the real one. */
  readonly note?: string;
}

/**
 * The record of a partition in `image.json`: the index of the packed partition without its frames.
 */
export interface PartitionRecord extends PartitionFacts {
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** An entry, with the partition that holds it and the package or component that it belongs to. */
export type ImageEntry = EntryRecord & {
  readonly partition: string;
  readonly package?: string;
  readonly component?: string;
};

/** The content of `image.json`. */
export interface ImageManifest {
  readonly formatVersion: 1;
  readonly os: string;
  readonly variant: string;
  readonly version: string;
  /** The path of each placeholder, with a description of what it does instead of the real file. */
  readonly notes: Readonly<Record<string, string>>;
  /** The SHA-256 of each archive by its file name. */
  readonly archives: Readonly<Record<string, string>>;
  readonly partitions: readonly PartitionRecord[];
  readonly packages: readonly PackageRecord[];
  readonly entries: readonly ImageEntry[];
}

const PACKAGE_MEMBERS = { name: text, version: text, architecture: text, source: text, sha256: text };

/** Reads `*.packages.json`. */
export const PACKAGE_LIST: Reader<{ readonly packages: readonly PackageContents[] }> = object({
  packages: listOf(object({ ...PACKAGE_MEMBERS, files: listOf(text) })),
});

/** Reads `*.components.json`. */
export const COMPONENT_LIST: Reader<{ readonly components: readonly ComponentRecord[] }> = object({
  components: listOf(object({ path: text, label: text }, { note: text })),
});

/** Reads `image.json`. */
export const IMAGE_MANIFEST: Reader<ImageManifest> = object({
  formatVersion: oneOf(1),
  os: text,
  variant: text,
  version: text,
  notes: mapOf(text),
  archives: mapOf(text),
  partitions: listOf(object({ name: text, sizeBytes: count, sha256: text }, FACTS)),
  packages: listOf(object(PACKAGE_MEMBERS)),
  entries: listOf(
    object(
      { partition: text, ...RECORD_MEMBERS },
      { ...OPTIONAL_RECORD_MEMBERS, package: text, component: text },
    ),
  ),
});

/**
 * Finds the package or component of each path of the root file system. A component hides the
 * package whose file it replaces.
 */
export class Attribution {
  readonly #packages = new Map<string, string>();
  readonly #components = new Map<string, string>();

  constructor(packages: readonly PackageContents[], components: readonly ComponentRecord[]) {
    for (const { name, files } of packages) for (const file of files) this.#packages.set(`/${file}`, name);
    for (const { path, label } of components) this.#components.set(path, label);
  }

  of(path: string): { package?: string; component?: string } {
    const component = this.#components.get(path);
    if (component !== undefined) return { component };
    const owner = this.#packages.get(path);
    return owner === undefined ? {} : { package: owner };
  }
}

/** Lists the entries of one partition, each with its package or component. */
export function imageEntries(partition: string, list: EntryList, attribution: Attribution): ImageEntry[] {
  const prefix = list.subtree === '/' ? '' : list.subtree;
  return list.entries.map((entry) => ({ partition, ...entry, ...attribution.of(`${prefix}${entry.path}`) }));
}

/** Formats `image.json`, with one line per partition, package and entry. */
export function formatManifest(manifest: ImageManifest): string {
  const { formatVersion, os, variant, version, notes, archives } = manifest;
  return jsonLines(
    { formatVersion, os, variant, version, notes, archives },
    {
      partitions: manifest.partitions,
      packages: manifest.packages.toSorted((left, right) => comparePaths(left.name, right.name)),
      entries: manifest.entries,
    },
  );
}
