/** The content of an image: the tree of containers that every command walks. */
import type { TreeReader } from '../lib/formats/entry/tree-reader.ts';
import type { ImageSource } from './bytes/source.ts';
import type { StructureMap } from './structure/map.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type Facts = Readonly<Record<string, Json>>;

/** A dm-verity tree after a partition's data. */
export interface HashTree {
  readonly hashOffsetBytes: number;
  readonly sizeBytes: number;
  readonly dataBytes: number;
  /** Hexadecimal. */
  readonly salt: string;
  readonly uuid: string;
  /** Hexadecimal: the digest of the tree's top block. Only `verify` checks it against the data. */
  readonly rootHash: string;
}

/** The content of an image or of a part of one. */
export interface Content {
  /**
   * The format's short name: `gpt`, `ext4`, `vfat`, `erofs`, `lvm`, `tar`, `cpio`, `deb`,
   * `grubenv`, `zeros`, `unknown`.
   */
  readonly format: string;
  readonly source: ImageSource;
  /** Facts about the content, with the names of their JSON keys. */
  readonly facts: Facts;
  /** The files of the content, if it has any. */
  readonly tree?: TreeReader;
  /** The images in it: partitions, logical volumes, an archive's images. */
  readonly parts: readonly Part[];
  readonly hashTree?: HashTree;
  /**
   * Checks in addition to opening the content and reading every file. Each one throws a UserError
   * if it fails.
   */
  readonly checks?: readonly Check[];
  /** Names the structure that a byte belongs to. */
  structures?(): StructureMap;
}

export interface Check {
  readonly name: string;
  run(): void | Promise<void>;
}

/** An image within an image. */
export interface Part {
  /** The name in an address, before the colon. */
  readonly name: string;
  /** A partition's number, which an address can use instead of its name. */
  readonly number?: number;
  readonly sizeBytes: number;
  /** The facts that the container has about the part, with the names of their JSON keys. */
  readonly facts: Facts;
  /** The start of the part in the container, if the part is contiguous. */
  readonly startBytes?: number;
  source(): ImageSource;
  /** @throws UserError if its content is damaged */
  open(): Promise<Content>;
}

/** A format, recognised by its bytes. A new format is one file that exports one of these. */
export interface Format {
  readonly name: string;
  /** Whether the bytes look like this format. The function is fast and never throws. */
  matches(source: ImageSource): boolean;
  /**
   * @param name the image's name, for errors
   * @throws UserError if it is damaged
   */
  open(source: ImageSource, name: string, context: OpenContext): Promise<Content> | Content;
}

/** Lets a container open its parts without an import of all formats. */
export interface OpenContext {
  open(source: ImageSource, name: string): Promise<Content>;
}

/** Reads bytes at `offsetBytes`, fewer at the end of the image; for {@link Format.matches}. */
export function peek(source: ImageSource, offsetBytes: number, lengthBytes: number): Buffer {
  const length = offsetBytes < 0 ? 0 : Math.max(0, Math.min(lengthBytes, source.sizeBytes - offsetBytes));
  return Buffer.from(length === 0 ? new Uint8Array() : source.read(offsetBytes, length));
}

/** Makes a function that opens at its first call and returns the same result afterwards. */
export function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let value: Promise<Value> | undefined;
  return () => {
    value ??= make();
    return value;
  };
}
