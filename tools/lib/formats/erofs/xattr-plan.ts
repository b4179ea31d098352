/** Plans which extended attributes the inodes of a tree share, and which ones follow each inode. */
import type { Entry } from '../entry/entry.ts';
import { UserError } from '../error/user-error.ts';
import { SHARED_XATTR, XATTR_BODY_HEADER } from './format.ts';
import { MAXIMUM_XATTR_BYTES } from './inode.ts';
import { encodeXattr, MAXIMUM_SHARED, XattrError } from './xattr.ts';

/** An attribute and its value, which any number of inodes may have. */
interface Attribute {
  readonly number: number;
  readonly bytes: Uint8Array;
  references: number;
  /** Its offset in the shared attributes; -1 if it is not shared. */
  sharedOffset: number;
}

/** The attributes of one inode, or of several inodes with equal attributes. */
export interface XattrBody {
  /** With the header. */
  readonly sizeBytes: number;
  /** Offsets in {@link XattrPlan.shared}, in bytes. */
  readonly sharedOffsets: readonly number[];
  readonly inline: readonly Uint8Array[];
}

export interface XattrPlan {
  /** By entry; `undefined` for an entry without attributes. */
  readonly bodies: readonly (XattrBody | undefined)[];
  readonly sharedBytes: number;
  /** The shared attributes in order. */
  readonly shared: readonly Uint8Array[];
}

/**
 * Holds each attribute of a tree, and each combination of attributes, once: most inodes have one of
 * a few combinations.
 */
class AttributeSet {
  readonly attributes = new Map<string, Attribute>();
  readonly #combinations = new Map<string, readonly Attribute[]>();

  #attribute(name: string, value: Uint8Array): Attribute {
    const key = `${name}\0${Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1')}`;
    let attribute = this.attributes.get(key);
    if (attribute === undefined) {
      const number = this.attributes.size;
      attribute = { number, bytes: encodeXattr(name, value), references: 0, sharedOffset: -1 };
      this.attributes.set(key, attribute);
    }
    return attribute;
  }

  /** Returns the attributes of an entry: the same list for all entries with equal attributes. */
  combination(entry: Entry): readonly Attribute[] {
    try {
      const list = Array.from(entry.xattrs, ([name, value]) => this.#attribute(name, value));
      const key = list.length === 1 ? `${list[0]?.number}` : list.map(({ number }) => number).join();
      const known = this.#combinations.get(key);
      if (known === undefined) this.#combinations.set(key, list);
      return known ?? list;
    } catch (error) {
      if (error instanceof XattrError) throw new UserError(`/${entry.path}: ${error.message}`);
      throw error;
    }
  }
}

function bodyOf(attributes: readonly Attribute[], path: string): XattrBody {
  const sharedOffsets: number[] = [];
  const inline: Uint8Array[] = [];
  let sizeBytes = XATTR_BODY_HEADER.sizeBytes;
  for (const { bytes, sharedOffset } of attributes) {
    if (sharedOffset >= 0 && sharedOffsets.length < MAXIMUM_SHARED) {
      sharedOffsets.push(sharedOffset);
      sizeBytes += SHARED_XATTR.sizeBytes;
    } else {
      inline.push(bytes);
      sizeBytes += bytes.length;
    }
  }
  if (sizeBytes > MAXIMUM_XATTR_BYTES) {
    throw new UserError(
      `/${path}: its extended attributes are ${sizeBytes - MAXIMUM_XATTR_BYTES} bytes too large for EROFS`,
    );
  }
  return { sizeBytes, sharedOffsets, inline };
}

/** Plans the attributes of a tree. An attribute that two or more inodes have is stored once. */
export function planXattrs(entries: readonly Entry[]): XattrPlan {
  const set = new AttributeSet();
  const lists = entries.map((entry) => {
    if (entry.type === 'hardlink' || entry.xattrs.size === 0) return undefined;
    const list = set.combination(entry);
    for (const attribute of list) attribute.references++;
    return list;
  });
  const shared: Uint8Array[] = [];
  let sharedBytes = 0;
  for (const attribute of set.attributes.values()) {
    if (attribute.references < 2) continue;
    attribute.sharedOffset = sharedBytes;
    sharedBytes += attribute.bytes.length;
    shared.push(attribute.bytes);
  }
  const bodies = new Map<readonly Attribute[], XattrBody>();
  return {
    bodies: lists.map((list, index) => {
      if (list === undefined) return undefined;
      let body = bodies.get(list);
      if (body === undefined) {
        body = bodyOf(list, (entries[index] as Entry).path);
        bodies.set(list, body);
      }
      return body;
    }),
    sharedBytes,
    shared,
  };
}
