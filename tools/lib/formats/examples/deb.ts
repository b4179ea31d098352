import { FileImage } from '@icos/formats/block/file';
import { controlParagraph, Deb } from '@icos/formats/deb';

const path = process.argv[2] ?? 'hello_1.0_all.deb';
const deb = new Deb(FileImage.open(path), path);
const control = controlParagraph(await deb.controlFiles(), path);
console.log(control.get('Package'), control.get('Version'));
for await (const { entry } of deb.dataFiles()) console.log(`/${entry.path}`);
