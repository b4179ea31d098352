import { parseArgs } from 'node:util';
import { FileImage } from '../lib/block/file.ts';
import { required, runTool, TEXT } from '../lib/cli/cli.ts';
import { UserError } from '../lib/error/user-error.ts';
import { PACK_OPTIONS, packTarget } from '../lib/file-system-image/options.ts';
import { packImageFiles } from '../lib/packed/file.ts';
import { BLOCK_BYTES } from '../lib/packed/index.ts';

await runTool(async ({ args, output }) => {
  const { values } = parseArgs({ args: [...args], options: { ...PACK_OPTIONS, image: TEXT } });
  const path = required(values.image, 'image');
  const image = FileImage.open(path);
  if (image.sizeBytes % BLOCK_BYTES !== 0) {
    throw new UserError(`${path}: ${image.sizeBytes} bytes is no multiple of ${BLOCK_BYTES}; pad the image`);
  }
  const { files, settings } = packTarget(values, output);
  await packImageFiles(image, files, settings);
});
