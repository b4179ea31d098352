import { MemoryImage } from '@icos/formats/block';
import { encodeGpt, readGpt, SECTOR_BYTES } from '@icos/formats/gpt';
import { uuidFromName } from '@icos/formats/uuid';

const disk = new MemoryImage(64 * 1024 * 1024);
const { primary, backup, backupStartSector } = encodeGpt({
  diskSectors: disk.sizeBytes / SECTOR_BYTES,
  diskUuid: uuidFromName('my disk'),
  partitions: [
    {
      name: 'root',
      startSector: 2048,
      sizeSectors: 65536,
      typeUuid: '4f68bce3-e8cd-4db1-96e7-fbcaf984b709',
      uuid: uuidFromName('my disk: root'),
    },
  ],
});
disk.write(0, primary);
disk.write(backupStartSector * SECTOR_BYTES, backup);

for (const { number, name, startSector } of readGpt(disk, 'disk.img').partitions) {
  console.log(number, name, startSector);
}
