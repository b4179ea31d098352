/** Makes small ELF64 files with a chosen dynamic section, for tests. They load nowhere; readelf reads them. */

export interface SampleElf {
  readonly interpreter?: string;
  readonly soname?: string;
  readonly needed?: readonly string[];
  readonly runpath?: string;
  readonly rpath?: string;
}

const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const ET_DYN = 3;
const EM_X86_64 = 62;

function programHeader(type: number, offsetBytes: number, sizeBytes: number): Buffer {
  const header = Buffer.alloc(PROGRAM_HEADER_BYTES);
  header.writeUInt32LE(type, 0);
  header.writeUInt32LE(4, 4);
  for (const [field, value] of [
    [8, offsetBytes],
    [16, offsetBytes],
    [24, offsetBytes],
    [32, sizeBytes],
    [40, sizeBytes],
    [48, 8],
  ] as const) {
    header.writeBigUInt64LE(BigInt(value), field);
  }
  return header;
}

/** One ELF64 shared object or executable: header, program headers, interpreter, strings, dynamic section. */
export function sampleElf(sample: SampleElf): Buffer {
  const strings: string[] = [''];
  const stringOffset = (text: string): bigint => {
    const offset = Buffer.byteLength(`${strings.join('\0')}\0`);
    strings.push(text);
    return BigInt(offset);
  };
  const dynamic: [bigint, bigint][] = (sample.needed ?? []).map((name) => [1n, stringOffset(name)]);
  if (sample.soname !== undefined) dynamic.push([14n, stringOffset(sample.soname)]);
  if (sample.rpath !== undefined) dynamic.push([15n, stringOffset(sample.rpath)]);
  if (sample.runpath !== undefined) dynamic.push([29n, stringOffset(sample.runpath)]);
  const table = Buffer.from(`${strings.join('\0')}\0`);
  const interpreter = Buffer.from(sample.interpreter === undefined ? '' : `${sample.interpreter}\0`);

  const headerCount = sample.interpreter === undefined ? 2 : 3;
  const interpreterStart = HEADER_BYTES + headerCount * PROGRAM_HEADER_BYTES;
  const tableStart = interpreterStart + interpreter.length;
  const dynamicStart = Math.ceil((tableStart + table.length) / 8) * 8;
  dynamic.push([5n, BigInt(tableStart)], [10n, BigInt(table.length)], [0n, 0n]);

  const dynamicBytes = Buffer.alloc(dynamic.length * 16);
  for (const [index, [tag, value]] of dynamic.entries()) {
    dynamicBytes.writeBigUInt64LE(tag, index * 16);
    dynamicBytes.writeBigUInt64LE(value, index * 16 + 8);
  }
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(ET_DYN, 16);
  header.writeUInt16LE(EM_X86_64, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(HEADER_BYTES), 32);
  header.writeUInt16LE(HEADER_BYTES, 52);
  header.writeUInt16LE(PROGRAM_HEADER_BYTES, 54);
  header.writeUInt16LE(headerCount, 56);
  return Buffer.concat([
    header,
    ...(sample.interpreter === undefined ? [] : [programHeader(3, interpreterStart, interpreter.length)]),
    programHeader(1, 0, dynamicStart + dynamicBytes.length),
    programHeader(2, dynamicStart, dynamicBytes.length),
    interpreter,
    table,
    Buffer.alloc(dynamicStart - tableStart - table.length),
    dynamicBytes,
  ]);
}
