/** `PARTITION:PATH`: the part of an image and the path that a command works on. */
import { normalizePath } from '../lib/formats/entry/entry.ts';
import { decodeName, printableName } from '../lib/formats/entry/name.ts';
import type { TreeReader } from '../lib/formats/entry/tree-reader.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import type { Content, Part } from './content.ts';
import type { Image } from './open.ts';

/** An image or a part of one. */
export interface Place {
  /** The name in an address, before the colon; empty for the whole image. */
  readonly name: string;
  /** The file and the part, for errors. */
  readonly where: string;
  readonly part: Part | undefined;
  readonly content: Content;
}

/**
 * A place, and a path in its tree without a leading slash. The path is `undefined` if the address
 * ends with the colon.
 */
export interface Target {
  readonly place: Place;
  readonly path: string | undefined;
}

/** The names that an address can use for a part. */
function namesOf(part: Part): string[] {
  const names = part.number === undefined ? [] : [String(part.number)];
  return part.name === '' ? names : [part.name, ...names];
}

/** The name of a part in an address. */
export function partName(part: Part): string {
  return namesOf(part)[0] ?? '';
}

function whole(image: Image): Place {
  return { name: '', where: image.path, part: undefined, content: image.content };
}

async function inside(place: Place, part: Part): Promise<Place> {
  const own = partName(part);
  const name = place.name === '' ? own : `${place.name}/${own}`;
  return { name, where: `${place.where}: ${own}`, part, content: await part.open() };
}

/** Finds the part that `name` means: `A_root`, `3`, or a part of a part such as `data/VG/LV`. */
async function findPlace(place: Place, name: string): Promise<Place | undefined> {
  const { parts } = place.content;
  const exact =
    parts.find((part) => part.name === name) ?? parts.find((part) => namesOf(part).includes(name));
  if (exact !== undefined) return inside(place, exact);
  for (const part of parts) {
    const prefix = namesOf(part).find((each) => name.startsWith(`${each}/`));
    if (prefix === undefined) continue;
    const found = await findPlace(await inside(place, part), name.slice(prefix.length + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Every part that can be opened, with its own parts. */
export async function allPlaces(place: Place): Promise<Place[]> {
  const places: Place[] = [place];
  for (const part of place.content.parts) {
    try {
      places.push(...(await allPlaces(await inside(place, part))));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  }
  return places;
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.map(printableName).join(', ');
}

/** The only place with files, for a path without a part before it. */
async function onlyTree(image: Image): Promise<Place> {
  const root = whole(image);
  if (root.content.tree !== undefined) return root;
  const withFiles = (await allPlaces(root)).filter(({ content }) => content.tree !== undefined);
  const [only] = withFiles;
  if (only === undefined) {
    throw new UserError(
      `${image.path}: it contains no known file system; icos-image inspect shows what it contains`,
    );
  }
  if (withFiles.length > 1) {
    const names = list(withFiles.map(({ name }) => name));
    throw new UserError(
      `${image.path}: it contains several file systems (${names}): name one, for example ${printableName(only.name)}:/etc`,
    );
  }
  return only;
}

/**
 * The path of an address in the form of the entry model. Bytes that are not UTF-8 are entered as
 * `\\ooo`.
 */
function pathOf(text: string, image: Image): string {
  const path = normalizePath(unescaped(text));
  if (path === undefined)
    throw new UserError(`${image.path}: ${text}: a path in an image cannot contain ".."`);
  return path;
}

/** Reverses {@link printableName}, so that a name can be copied from a listing. */
function unescaped(text: string): string {
  if (!text.includes('\\')) return text;
  const bytes: Buffer[] = [];
  const pattern = /\\([0-7]{3})|\\\\|[^\\]+|\\/gy;
  for (const [token, octal] of text.matchAll(pattern)) {
    if (octal !== undefined) bytes.push(Buffer.of(Number.parseInt(octal, 8) & 0xff));
    else bytes.push(Buffer.from(token === '\\\\' ? '\\' : token));
  }
  return decodeName(Buffer.concat(bytes));
}

/**
 * Finds the target of an address.
 *
 * @param address `PART:PATH`, `PART:`, or `PATH` if there is only one file system; absent for the
 *   whole image
 * @throws UserError if the part does not exist, or if the address is ambiguous
 */
export async function findTarget(image: Image, address: string | undefined): Promise<Target> {
  if (address === undefined) return { place: whole(image), path: undefined };
  for (let colon = address.indexOf(':'); colon >= 0; colon = address.indexOf(':', colon + 1)) {
    const place = await findPlace(whole(image), unescaped(address.slice(0, colon)));
    if (place === undefined) continue;
    const rest = address.slice(colon + 1);
    return { place, path: rest === '' ? undefined : pathOf(rest, image) };
  }
  const colon = address.indexOf(':');
  const hasParts = image.content.parts.length > 0;
  if (colon >= 0 && hasParts && image.content.tree === undefined && !address.startsWith('/')) {
    const names = list(image.content.parts.map(partName));
    throw new UserError(
      `${image.path}: it has no part "${printableName(address.slice(0, colon))}"; its parts are ${names}`,
    );
  }
  return { place: await onlyTree(image), path: pathOf(address, image) };
}

/** The tree of a place. @throws UserError if it has no files */
export function treeOf({ content, where }: Place): TreeReader {
  if (content.tree !== undefined) return content.tree;
  throw new UserError(`${where}: ${content.format}, which has no files to list`);
}
