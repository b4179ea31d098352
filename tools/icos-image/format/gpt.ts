import { type NumberedPartition, readGpt } from '../../lib/gpt/read.ts';
import { guarded, type ImageSource, partOf } from '../bytes/source.ts';
import { type Content, type Format, type OpenContext, once, type Part, peek } from '../content.ts';
import { gptStructures } from '../structure/gpt.ts';
import { attributeNames, typeName } from './gpt-names.ts';

const SIGNATURE = 'EFI PART';

function isHeader(source: ImageSource, offsetBytes: number): boolean {
  return peek(source, offsetBytes, SIGNATURE.length).toString('latin1') === SIGNATURE;
}

const SECTOR_BYTES = 512;

function partitionPart(
  partition: NumberedPartition,
  source: ImageSource,
  name: string,
  context: OpenContext,
): Part {
  const startBytes = partition.startSector * SECTOR_BYTES;
  const sizeBytes = partition.sizeSectors * SECTOR_BYTES;
  const partName = `${name}: ${partition.name === '' ? `partition ${partition.number}` : partition.name}`;
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
    open: once(() => context.open(part(), partName)),
  };
}

export const gpt: Format = {
  name: 'gpt',
  matches: (source) =>
    isHeader(source, SECTOR_BYTES) ||
    (source.sizeBytes > SECTOR_BYTES && isHeader(source, source.sizeBytes - SECTOR_BYTES)),
  open(source, name, context): Content {
    const table = readGpt(source, name);
    return {
      format: 'gpt',
      source,
      facts: { diskUuid: table.diskUuid, sectorBytes: SECTOR_BYTES, sectors: table.diskSectors },
      parts: table.partitions.map((partition) => partitionPart(partition, source, name, context)),
      structures: () => gptStructures(source.sizeBytes),
    };
  },
};
