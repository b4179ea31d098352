import { type Entry, NO_XATTRS } from '@icos/formats/entry';
import { readTarFiles, TAR_END, tarHeader, tarPadding } from '@icos/formats/tar';

const content = Buffer.from('root:x:0:0:root:/root:/bin/sh\n');
const entry: Entry = {
  type: 'file',
  path: 'etc/passwd',
  mode: 0o644,
  uid: 0,
  gid: 0,
  xattrs: NO_XATTRS,
  sizeBytes: content.length,
};
const archive = [tarHeader(entry), content, tarPadding(content.length), TAR_END];

for await (const { entry, content } of readTarFiles(archive, 'example.tar')) {
  console.log(entry.type, entry.path, entry.mode.toString(8));
  for await (const piece of content()) console.log(Buffer.from(piece).toString());
}
