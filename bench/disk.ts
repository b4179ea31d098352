/** The disk that the disk rows assemble, and its description in the format of each tool. */

const MEBIBYTE = 1024 ** 2;

interface PartitionSpecification {
  readonly name: string;
  readonly startMib: number;
  readonly sizeMib: number;
  /** The type of the partition, as the letter that our layouts and sfdisk use. */
  readonly type: 'U' | 'L';
  readonly uuid: string;
  /** The image that it holds; absent if the partition is empty. */
  readonly image?: 'fat' | 'root';
}

export interface DiskSpecification {
  readonly sizeMib: number;
  readonly partitions: readonly PartitionSpecification[];
}

const FIRST_MIB = 1;
const FAT_MIB = 128;
/** Space for the backup of the partition table. */
const LAST_MIB = 1;

/** Returns a disk of an EFI partition, a root partition, and an empty partition up to the end. */
export function diskOf(sizeMib: number, rootMib: number): DiskSpecification {
  const rootStart = FIRST_MIB + FAT_MIB;
  const emptyStart = rootStart + rootMib;
  return {
    sizeMib,
    partitions: [
      {
        name: 'esp',
        startMib: FIRST_MIB,
        sizeMib: FAT_MIB,
        type: 'U',
        uuid: 'b78084e2-3363-1346-8c25-d426f26b8928',
        image: 'fat',
      },
      {
        name: 'root',
        startMib: rootStart,
        sizeMib: rootMib,
        type: 'L',
        uuid: '7c0a626e-e5ea-e543-b5c5-300eb8304db7',
        image: 'root',
      },
      {
        name: 'var',
        startMib: emptyStart,
        sizeMib: sizeMib - LAST_MIB - emptyStart,
        type: 'L',
        uuid: '22d2f5a6-1e39-d247-81cf-90c95c113e21',
      },
    ],
  };
}

export function partitionOffsetBytes(disk: DiskSpecification, image: 'fat' | 'root'): number {
  const partition = disk.partitions.find((candidate) => candidate.image === image);
  return (partition?.startMib ?? 0) * MEBIBYTE;
}

/** Returns our `partitions.csv` (docs/formats/layout.md). */
export function layoutText({ partitions }: DiskSpecification): string {
  return partitions
    .map(
      ({ name, startMib, sizeMib, type, uuid }) => `${name}, ${startMib}M, ${sizeMib}M, ${type}, ${uuid}\n`,
    )
    .join('');
}

/** Returns genimage's configuration. */
export function genimageText(
  { sizeMib, partitions }: DiskSpecification,
  images: (image: 'fat' | 'root') => string,
) {
  const lines = partitions.map(({ name, startMib, sizeMib, type, uuid, image }) => {
    const content = image === undefined ? '' : `image = "${images(image)}" `;
    return `  partition ${name} { ${content}offset = ${startMib}M size = ${sizeMib}M partition-type-uuid = "${type}" partition-uuid = "${uuid}" }\n`;
  });
  return `image disk.img {\n  hdimage { partition-table-type = "gpt" }\n  size = ${sizeMib}M\n${lines.join('')}}\n`;
}

/** Returns systemd-repart's definition files, by name. */
export function repartTexts({ partitions }: DiskSpecification, images: (image: 'fat' | 'root') => string) {
  return partitions.map(({ name, sizeMib, type, uuid, image }, index): readonly [string, string] => [
    `${(index + 1) * 10}-${name}.conf`,
    [
      '[Partition]',
      `Type=${type === 'U' ? 'esp' : 'linux-generic'}`,
      `Label=${name}`,
      `UUID=${uuid}`,
      `SizeMinBytes=${sizeMib}M`,
      `SizeMaxBytes=${sizeMib}M`,
      ...(image === undefined ? [] : [`CopyBlocks=${images(image)}`]),
      '',
    ].join('\n'),
  ]);
}

/** Returns sfdisk's script. */
export function sfdiskText({ partitions }: DiskSpecification): string {
  const lines = partitions.map(
    ({ name, startMib, sizeMib, type, uuid }) =>
      `start=${startMib}MiB, size=${sizeMib}MiB, type=${type}, uuid=${uuid}, name="${name}"\n`,
  );
  return `label: gpt\n${lines.join('')}`;
}
