import { printableName } from '../../lib/formats/entry/name.ts';
import { UserError } from '../../lib/formats/error/user-error.ts';
import {
  type GptInspection,
  HEADER,
  HEADER_SIGNATURE,
  inspectGpt,
  MBR,
  MBR_SIGNATURE,
  type NumberedPartition,
  SECTOR_BYTES,
  SECTOR_SIZES,
} from '../../lib/formats/gpt/gpt.ts';
import { viewOf } from '../../lib/formats/structure/view.ts';
import { guarded, type ImageSource, partOf } from '../bytes/source.ts';
import {
  type Check,
  type Content,
  type Format,
  type OpenContext,
  once,
  type Part,
  peek,
} from '../content.ts';
import { gptStructures } from '../structure/gpt.ts';
import { attributeNames, typeName } from './gpt-names.ts';

function isHeader(source: ImageSource, offsetBytes: number): boolean {
  const { Signature } = HEADER.at;
  return HEADER_SIGNATURE.equals(peek(source, offsetBytes + Signature.offsetBytes, Signature.lengthBytes));
}

function partitionPart(
  partition: NumberedPartition,
  sectorBytes: number,
  source: ImageSource,
  name: string,
  context: OpenContext,
): Part {
  const startBytes = partition.startSector * sectorBytes;
  const sizeBytes = partition.sizeSectors * sectorBytes;
  const shown = partition.name === '' ? `partition ${partition.number}` : printableName(partition.name);
  const partName = `${name}: ${shown}`;
  const part = () => guarded(partOf(source, startBytes, sizeBytes), partName);
  return {
    name: partition.name,
    number: partition.number,
    sizeBytes,
    startBytes,
    facts: {
      startSector: partition.startSector,
      sizeSectors: partition.sizeSectors,
      type: typeName(partition.typeUuid),
      typeUuid: partition.typeUuid,
      partUuid: partition.uuid,
      attributes: `0x${partition.attributes.toString(16).padStart(16, '0')}`,
      attributeNames: attributeNames(partition.typeUuid, partition.attributes),
    },
    source: part,
    open: once(async () => context.open(part(), partName)),
  };
}

/**
 * Every problem of the table is a failing check. Without problems there is one check, which passes.
 */
function checksOf({ problems }: GptInspection, name: string): Check[] {
  const failed = problems.map(({ message }) => ({
    name: 'GPT',
    run(): void {
      throw new UserError(`${name}: ${message}`);
    },
  }));
  if (failed.length > 0) return failed;
  return [{ name: `${name}: both copies of the GPT, and the protective MBR`, run() {} }];
}

function hasMbrSignature(source: ImageSource): boolean {
  const bytes = peek(source, 0, MBR.sizeBytes);
  return bytes.length === MBR.sizeBytes && MBR.at.Signature.get(viewOf(bytes)) === MBR_SIGNATURE;
}

/**
 * A disk with at least one readable copy of the table. Other problems are reported, and fail
 * `verify`.
 */
export const gpt: Format = {
  name: 'gpt',
  matches(source) {
    if (isHeader(source, SECTOR_BYTES) || isHeader(source, source.sizeBytes - SECTOR_BYTES)) return true;
    // With larger sectors, a header could be part of an archive's first member; an archive has no
    // MBR.
    return (
      hasMbrSignature(source) &&
      SECTOR_SIZES.some((bytes) => isHeader(source, bytes) || isHeader(source, source.sizeBytes - bytes))
    );
  },
  open(source, name, context): Content {
    const inspection = inspectGpt(source);
    const { table, problems, sectorBytes } = inspection;
    if (table === undefined) throw new UserError(`${name}: ${problems[0]?.message ?? 'no partition table'}`);
    return {
      format: 'gpt',
      source,
      facts: {
        diskUuid: table.diskUuid,
        sectorBytes,
        sectors: table.diskSectors,
        problems: problems.map(({ message }) => message),
      },
      parts: table.partitions.map((each) => partitionPart(each, sectorBytes, source, name, context)),
      checks: checksOf(inspection, name),
      structures: () => gptStructures(source, sectorBytes),
    };
  },
};
