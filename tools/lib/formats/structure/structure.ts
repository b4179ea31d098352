/**
 * On-disk structures as tables of fields: one table, in the order of the specification, that encoders, decoders and the
 * byte diff of `icos-image` share.
 *
 *     const LABEL = structure([
 *       [0, 8, 'id'],
 *       [8, 8, 'sector_xl'],
 *     ]);
 *     LABEL.at.sector_xl.set(view, 1);
 */

/** A field: its first byte within the structure, its length, and its name in the specification. */
export type Field = readonly [offsetBytes: number, lengthBytes: number, name: string];

export type ByteOrder = 'little' | 'big';

/** Reads and writes one field. `startBytes` is where the structure begins in the view, 0 by default. */
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
   * Reads an unsigned integer of 1, 2, 4 or 8 bytes. A number above 2^53 is rounded, and stays above it.
   *
   * @throws RangeError for a field of another length
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
      default:
        return Number(this.getBig(view, startBytes));
    }
  }

  /** Reads an unsigned integer of 8 bytes exactly. */
  getBig(view: DataView, startBytes = 0): bigint {
    this.#mustHave(8);
    return view.getBigUint64(startBytes + this.offsetBytes, this.#littleEndian);
  }

  /**
   * Writes an unsigned integer of 1, 2, 4 or 8 bytes. Of a larger number the low bytes are written, as `DataView` does.
   *
   * @throws RangeError for a field of another length
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
        this.setBig(view, BigInt(value), startBytes);
    }
  }

  /** Writes an integer of 8 bytes. */
  setBig(view: DataView, value: bigint, startBytes = 0): void {
    this.#mustHave(8);
    view.setBigUint64(startBytes + this.offsetBytes, value, this.#littleEndian);
  }

  /** The field's bytes, as a part of `bytes`. */
  bytes(bytes: Uint8Array, startBytes = 0): Uint8Array {
    const start = startBytes + this.offsetBytes;
    return bytes.subarray(start, start + this.lengthBytes);
  }

  /**
   * Copies a value to the start of the field.
   *
   * @throws RangeError where the value is longer than the field
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

/** A structure: its table, and access to its fields by name. */
export interface Structure<Name extends string> {
  readonly fields: readonly Field[];
  /** The end of the last field. */
  readonly sizeBytes: number;
  readonly at: Readonly<Record<Name, FieldAccess>>;
}

/**
 * Makes a structure of its table.
 *
 * @param fields in ascending order; bytes between two fields have no name
 * @throws RangeError where a field begins before the end of the one above it, or where a name occurs twice
 */
export function structure<const Table extends readonly Field[]>(
  fields: Table,
  byteOrder: ByteOrder = 'little',
): Structure<Table[number][2]> {
  const at: Record<string, FieldAccess> = {};
  let sizeBytes = 0;
  for (const field of fields) {
    const [offsetBytes, lengthBytes, name] = field;
    if (offsetBytes < sizeBytes)
      throw new RangeError(`the field ${name} begins before the end of the one above it`);
    if (name in at) throw new RangeError(`two fields are called ${name}`);
    at[name] = new FieldAccess(field, byteOrder);
    sizeBytes = offsetBytes + lengthBytes;
  }
  return { fields, sizeBytes, at: at as Record<Table[number][2], FieldAccess> };
}
