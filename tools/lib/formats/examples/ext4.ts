import { FileImage } from '@icos/formats/block/file';
import { type Entry, NO_XATTRS } from '@icos/formats/entry';
import { Ext4Writer, readExt4 } from '@icos/formats/ext4';

const metadata = { mode: 0o755, uid: 0, gid: 0, xattrs: NO_XATTRS };
const greeting = Buffer.from('hello\n');
// Sorted by path; the root directory is the empty path.
const entries: Entry[] = [
  { type: 'directory', path: '', ...metadata },
  { type: 'directory', path: 'etc', ...metadata },
  { type: 'file', path: 'etc/greeting', ...metadata, mode: 0o644, sizeBytes: greeting.length },
];

const image = FileImage.create('root.img', 16 * 1024 * 1024);
const writer = new Ext4Writer(image, entries, {
  sizeBytes: image.sizeBytes,
  uuid: '01234567-89ab-cdef-0123-456789abcdef',
  hashSeed: 'fedcba98-7654-3210-fedc-ba9876543210',
  label: 'root',
  journal: false,
});
const file = writer.openFile('etc/greeting');
file.write(greeting);
file.close();
writer.finish();

const reader = readExt4(image, 'root.img');
for (const { entry } of reader.walk()) console.log(entry.type, `/${entry.path}`);
for (const piece of reader.readFile('etc/greeting')) console.log(Buffer.from(piece).toString());
