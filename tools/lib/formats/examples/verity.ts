import { MemoryImage } from '@icos/formats/block';
import { VerityBuilder, verifyVerity, verityHashBytes } from '@icos/formats/verity';

const data = Buffer.alloc(1024 * 1024, 'data');
const hashOffsetBytes = data.length;
const image = new MemoryImage(data.length + verityHashBytes(data.length));
image.write(0, data);

const builder = new VerityBuilder(image, {
  dataBytes: data.length,
  hashOffsetBytes,
  salt: Buffer.from('c0ffee', 'hex'),
  uuid: '01234567-89ab-cdef-0123-456789abcdef',
});
builder.update(data);
const { rootHash } = builder.finish();
console.log('root hash:', rootHash);

verifyVerity(image, { hashOffsetBytes, rootHash, name: 'root.img' });
image.write(4096, Buffer.from('evil'));
try {
  verifyVerity(image, { hashOffsetBytes, rootHash, name: 'root.img' });
} catch (error) {
  console.log(String(error)); // names block 1
}
