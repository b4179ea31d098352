/** Makes headers that the writer cannot make. */

import { encodeHeader, type HeaderFields } from '../../formats/tar/header.ts';
import { encodePax } from '../../formats/tar/pax.ts';
import { headerWithRecords, tarPadding } from '../../formats/tar/writer.ts';

/** An empty file `name`. */
export const PLAIN: HeaderFields = {
  name: Buffer.from('name'),
  typeFlag: '0',
  mode: 0o644,
  uid: 0,
  gid: 0,
  sizeBytes: 0,
};

/** Fields that differ from those of {@link PLAIN}. The name is Latin-1. */
export type Changes = Partial<Omit<HeaderFields, 'name' | 'linkName'>> & {
  readonly name?: string;
  readonly linkName?: string;
};

/** Values of pax records by keyword. */
export type Values = Readonly<Record<string, string | Uint8Array>>;

function fieldsOf({ name, linkName, ...rest }: Changes): HeaderFields {
  return {
    ...PLAIN,
    ...rest,
    ...(name === undefined ? {} : { name: Buffer.from(name, 'latin1') }),
    ...(linkName === undefined ? {} : { linkName: Buffer.from(linkName) }),
  };
}

export function header(changes: Changes = {}): Buffer {
  return encodeHeader(fieldsOf(changes));
}

export function paxRecords(values: Values): Map<string, Uint8Array> {
  return new Map(Object.entries(values).map(([keyword, value]) => [keyword, Buffer.from(value)]));
}

/** A pax header with records, and the header that it belongs to. */
export function withRecords(values: Values, changes: Changes = {}): Buffer {
  return headerWithRecords(fieldsOf(changes), paxRecords(values));
}

/** An extended header of type `typeFlag` whose content is `body`. */
export function extendedHeader(typeFlag: string, body: Uint8Array | string): Buffer {
  const content = Buffer.from(body);
  return Buffer.concat([
    header({ typeFlag, sizeBytes: content.length }),
    content,
    tarPadding(content.length),
  ]);
}

/** A pax header about all members that follow. */
export function globalHeader(values: Values): Buffer {
  return extendedHeader('g', encodePax(paxRecords(values)));
}
