import { MemoryImage } from '@icos/formats/block';
import { encodeVolumeGroup, openLogicalVolume, readVolumeGroup } from '@icos/formats/lvm';

const MEBIBYTE = 1024 * 1024;
const disk = new MemoryImage(64 * MEBIBYTE);
const image = encodeVolumeGroup({
  name: 'store',
  identity: 'my machine',
  physicalVolumes: [{ sizeBytes: disk.sizeBytes }],
  logicalVolumes: [{ name: 'data', sizeBytes: 16 * MEBIBYTE }],
});
for (const { offsetBytes, bytes } of image.physicalVolumes[0]?.metadata ?? []) disk.write(offsetBytes, bytes);
for (const { physicalOffsetBytes } of image.logicalVolumes[0]?.ranges ?? []) {
  disk.write(physicalOffsetBytes, Buffer.from('the first bytes of the volume'));
}

const found = readVolumeGroup([{ name: 'disk.img', source: disk }]);
const volume = openLogicalVolume(found, 'data');
console.log(found.group.name, volume.sizeBytes, Buffer.from(volume.read(0, 29)).toString());
