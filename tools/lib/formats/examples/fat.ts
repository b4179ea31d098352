import { MemoryImage } from '@icos/formats/block';
import { type Entry, NO_XATTRS } from '@icos/formats/entry';
import { readFat, writeFat } from '@icos/formats/fat';

const loader = Buffer.from('MZ...');
const entry: Entry = {
  type: 'file',
  path: 'EFI/BOOT/BOOTX64.EFI',
  mode: 0o644,
  uid: 0,
  gid: 0,
  xattrs: NO_XATTRS,
  sizeBytes: loader.length,
};

const image = new MemoryImage(8 * 1024 * 1024);
const summary = writeFat(image, [entry], () => [loader], {
  sizeBytes: image.sizeBytes,
  volumeId: 0x1234abcd,
  label: 'ESP',
});
console.log(summary.type, summary.freeClusterCount, 'clusters are free');

for (const { entry } of readFat(image, 'esp.img').walk()) console.log(`/${entry.path}`);
