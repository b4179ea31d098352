/**
 * Describes on-disk structures as tables of fields. Encoders, decoders and the byte diff of
 * `icos-image` share one table per structure, in the order of the specification.
 *
 *     const LABEL = structure([
 *       [0, 8, 'id'],
 *       [8, 8, 'sector_xl'],
 *     ]);
 *     LABEL.at.sector_xl.set(view, 1);
 */

/** A field: the offset of its first byte, its length, and its name in the specification. */
export type Field = readonly [offsetBytes: number, lengthBytes: number, name: string];

export type ByteOrder = 'little' | 'big';

/** Reads and writes one field. `startBytes` is the offset of the structure, 0 by default. */
export class FieldAccess {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly #littleEndian: boolean;

  constructor([offsetBytes, lengthBytes]: Field, byteOrder: ByteOrder) {
    this.offsetBytes = offsetBytes;
    this.lengthBytes = lengthBytes;
    this.#littleEndian = byteOrder === 'little';
  }

  /** The first byte after the field. */
  get endBytes(): number {
    return this.offsetBytes + this.lengthBytes;
  }

  /**
   * Reads an unsigned integer of 1, 2, 4 or 8 bytes. A number above 2^53 is rounded, and stays
   * above 2^53.
   *
   * @throws RangeError if the field has another length
   */
  get(view: DataView, startBytes = 0): number {
    const offset = startBytes + this.offsetBytes;
    switch (this.lengthBytes) {
      case 1:
        return view.getUint8(offset);
      case 2:
        return view.getUint16(offset, this.#littleEndian);
      case 4:
        return view.getUint32(offset, this.#littleEndian);
      default: {
        this.#mustHave(8);
        const low = view.getUint32(this.#littleEndian ? offset : offset + 4, this.#littleEndian);
        const high = view.getUint32(this.#littleEndian ? offset + 4 : offset, this.#littleEndian);
        return high * 2 ** 32 + low;
      }
    }
  }

  /**
   * Reads a two's complement integer of 8 bytes. A number above 2^53 or below -2^53 is rounded.
   *
   * @throws RangeError if the field has another length
   */
  getSigned(view: DataView, startBytes = 0): number {
    this.#mustHave(8);
    const offset = startBytes + this.offsetBytes;
    const low = view.getUint32(this.#littleEndian ? offset : offset + 4, this.#littleEndian);
    const high = view.getInt32(this.#littleEndian ? offset + 4 : offset, this.#littleEndian);
    return high * 2 ** 32 + low;
  }

  /** Reads an unsigned integer of 8 bytes without rounding. */
  getBig(view: DataView, startBytes = 0): bigint {
    this.#mustHave(8);
    return view.getBigUint64(startBytes + this.offsetBytes, this.#littleEndian);
  }

  /**
   * Writes an unsigned integer of 1, 2, 4 or 8 bytes. Drops the high bits of a number that is
   * larger than the field, as `DataView` does.
   *
   * @throws RangeError if the field has another length
   */
  set(view: DataView, value: number, startBytes = 0): void {
    const offset = startBytes + this.offsetBytes;
    switch (this.lengthBytes) {
      case 1:
        view.setUint8(offset, value);
        break;
      case 2:
        view.setUint16(offset, value, this.#littleEndian);
        break;
      case 4:
        view.setUint32(offset, value, this.#littleEndian);
        break;
      default:
        this.#setLong(view, value, startBytes);
    }
  }

  /** Writes an integer of 8 bytes in two halves, which is much faster than with a `bigint`. */
  #setLong(view: DataView, value: number, startBytes: number): void {
    if (!Number.isSafeInteger(value)) {
      this.setBig(view, BigInt(value), startBytes);
      return;
    }
    this.#mustHave(8);
    const offset = startBytes + this.offsetBytes;
    view.setUint32(this.#littleEndian ? offset : offset + 4, value, this.#littleEndian);
    view.setUint32(this.#littleEndian ? offset + 4 : offset, Math.floor(value / 2 ** 32), this.#littleEndian);
  }

  /** Writes an integer of 8 bytes. */
  setBig(view: DataView, value: bigint, startBytes = 0): void {
    this.#mustHave(8);
    view.setBigUint64(startBytes + this.offsetBytes, value, this.#littleEndian);
  }

  /** Returns the bytes of the field, as a view of `bytes`. */
  bytes(bytes: Uint8Array, startBytes = 0): Uint8Array {
    const start = startBytes + this.offsetBytes;
    return bytes.subarray(start, start + this.lengthBytes);
  }

  /**
   * Copies a value to the start of the field. The rest of the field is left unchanged.
   *
   * @throws RangeError if the value is longer than the field
   */
  setBytes(bytes: Uint8Array, value: Uint8Array, startBytes = 0): void {
    if (value.length > this.lengthBytes) {
      throw new RangeError(`${value.length} bytes do not fit in a field of ${this.lengthBytes}`);
    }
    bytes.set(value, startBytes + this.offsetBytes);
  }

  #mustHave(lengthBytes: number): void {
    if (this.lengthBytes !== lengthBytes) {
      throw new RangeError(`a field of ${this.lengthBytes} bytes is not an integer of ${lengthBytes} bytes`);
    }
  }
}

/** A structure: its table, and accessors for its fields by name. */
export interface Structure<Name extends string> {
  readonly fields: readonly Field[];
  /** The offset of the first byte after the last field. */
  readonly sizeBytes: number;
  readonly at: Readonly<Record<Name, FieldAccess>>;
}

/**
 * Builds a structure from its table.
 *
 * @param fields in ascending order; bytes between two fields have no name
 * @throws RangeError if a field begins before the end of the previous one, or if a name occurs
 * twice
 */
export function structure<const Table extends readonly Field[]>(
  fields: Table,
  byteOrder: ByteOrder = 'little',
): Structure<Table[number][2]> {
  const at = new Map<Table[number][2], FieldAccess>();
  let sizeBytes = 0;
  for (const field of fields) {
    const [offsetBytes, lengthBytes, name] = field;
    if (offsetBytes < sizeBytes)
      throw new RangeError(`the field ${name} begins before the end of the one above it`);
    if (at.has(name)) throw new RangeError(`two fields are called ${name}`);
    at.set(name, new FieldAccess(field, byteOrder));
    sizeBytes = offsetBytes + lengthBytes;
  }
  // V8 finds names at compile time in an object that is made in one step, but not in one whose
  // properties are added one by one.
  return { fields, sizeBytes, at: Object.fromEntries(at) as Record<Table[number][2], FieldAccess> };
}
