import { MemoryImage } from '@icos/formats/block';
import { PackedSource, packImage } from '@icos/formats/packed';

const image = new MemoryImage(64 * 1024 * 1024);
image.write(40_000_000, Buffer.from('somewhere in the middle'));

const pieces: Uint8Array[] = [];
const index = await packImage(image, { zst: (bytes) => pieces.push(bytes) });
const packed = Buffer.concat(pieces);
console.log(index.sizeBytes, 'bytes in', index.chunks.length, 'chunk');

const file = new MemoryImage(packed.length);
file.write(0, packed);
const source = new PackedSource(index, file, 'image.img.zst');
console.log(Buffer.from(source.read(40_000_000, 23)).toString());
