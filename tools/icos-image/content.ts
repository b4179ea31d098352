/** What an image turned out to be: the tree of containers that every command walks. */
import type { TreeReader } from '../lib/formats/entry/tree-reader.ts';
import type { ImageSource } from './bytes/source.ts';
import type { StructureMap } from './structure/map.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type Facts = Readonly<Record<string, Json>>;

/** A dm-verity tree behind a partition's data. */
export interface HashTree {
  readonly hashOffsetBytes: number;
  readonly sizeBytes: number;
  readonly dataBytes: number;
  /** Hexadecimal. */
  readonly salt: string;
  readonly uuid: string;
  /** Hexadecimal: the digest of the tree's top block, which only verifying ties to the data. */
  readonly rootHash: string;
}

/** What the bytes of an image, or of a part of one, are. */
export interface Content {
  /** The format's short name: `gpt`, `ext4`, `vfat`, `erofs`, `lvm`, `tar`, `cpio`, `deb`, `grubenv`, `zeros`, `unknown`. */
  readonly format: string;
  readonly source: ImageSource;
  /** What is worth saying about it, by the names of the JSON. */
  readonly facts: Facts;
  /** Its files, where it has some. */
  readonly tree?: TreeReader;
  /** What it contains as images of their own: partitions, logical volumes, an archive's images. */
  readonly parts: readonly Part[];
  readonly hashTree?: HashTree;
  /** What the readers can check beyond opening it and reading every file: names, and functions that throw a UserError. */
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
  /** As it stands in an address, before the colon. */
  readonly name: string;
  /** A partition's number, which an address may have instead of its name. */
  readonly number?: number;
  readonly sizeBytes: number;
  /** What the container's table says about it, by the names of the JSON. */
  readonly facts: Facts;
  /** Where it lies in the container, if it lies there in one piece. */
  readonly startBytes?: number;
  source(): ImageSource;
  /** @throws UserError where its content is damaged */
  open(): Promise<Content>;
}

/** A format that is found by what the bytes are. A new one is one file that exports one of these. */
export interface Format {
  readonly name: string;
  /** Whether the bytes look like it; cheap, and never throws. */
  matches(source: ImageSource): boolean;
  /**
   * @param name the image's name, for errors
   * @throws UserError where it is damaged
   */
  open(source: ImageSource, name: string, context: OpenContext): Promise<Content> | Content;
}

/** What a container needs to open what is in it, without knowing which formats there are. */
export interface OpenContext {
  open(source: ImageSource, name: string): Promise<Content>;
}

/** Reads at `offsetBytes`, or fewer bytes at the end; for {@link Format.matches}. */
export function peek(source: ImageSource, offsetBytes: number, lengthBytes: number): Buffer {
  const length = offsetBytes < 0 ? 0 : Math.max(0, Math.min(lengthBytes, source.sizeBytes - offsetBytes));
  return Buffer.from(length === 0 ? new Uint8Array() : source.read(offsetBytes, length));
}

/** Opens once, however often it is asked for. */
export function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let value: Promise<Value> | undefined;
  return () => {
    value ??= make();
    return value;
  };
}
