import { MemoryImage } from '@icos/formats/block';
import { gzipDecompressStream, gzipMember } from '@icos/formats/gzip';
import { findFrames, frameContents, zstdFrame } from '@icos/formats/zstd';

// A concatenation of frames is one file. Reading can start at any frame.
const frames = [await zstdFrame(Buffer.from('one, ')), await zstdFrame(Buffer.from('two'))];
const file = Buffer.concat(frames);
const image = new MemoryImage(file.length);
image.write(0, file);
const found = findFrames(image, 'file.zst');
for await (const content of frameContents(image, found, 'file.zst'))
  console.log(Buffer.from(content).toString());

// The same with gzip.
const members = [await gzipMember(Buffer.from('one, ')), await gzipMember(Buffer.from('two'))];
for await (const piece of gzipDecompressStream(members, 'file.gz'))
  console.log(Buffer.from(piece).toString());
