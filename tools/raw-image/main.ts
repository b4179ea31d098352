import { parseArgs } from 'node:util';
import { FileImage } from '../lib/formats/block/file.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import { PACK_OPTIONS, packTarget } from '../lib/image/file-system/options.ts';
import { packImageFiles } from '../lib/image/packed/file.ts';
import { BLOCK_BYTES } from '../lib/image/packed/index.ts';
import { required, runTool, TEXT } from '../lib/runtime/cli/cli.ts';

await runTool(async ({ args, output }) => {
  const { values } = parseArgs({ args: [...args], options: { ...PACK_OPTIONS, image: TEXT } });
  const path = required(values.image, 'image');
  const image = FileImage.open(path);
  if (image.sizeBytes % BLOCK_BYTES !== 0) {
    throw new UserError(
      `${path}: ${image.sizeBytes} bytes are not a multiple of the block size of ${BLOCK_BYTES} bytes; pad the image`,
    );
  }
  const { files, settings } = packTarget(values, output);
  await packImageFiles(image, files, settings);
});
