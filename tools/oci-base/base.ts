/** Converts an image layout to the two files of a base. */
import { rmSync } from 'node:fs';
import { writeWholeFile } from '../lib/formats/block/write.ts';
import { parsePlatformName } from '../lib/formats/oci/image-spec.ts';
import { rootConfigText } from '../lib/formats/oci/root-config.ts';
import { writeLayerFile } from '../lib/image/layer/file.ts';
import { ImageLayout } from './blob-store.ts';
import { findImage, flattenImage } from './flatten.ts';

export interface BaseOptions {
  /** An image layout directory, or a tar archive of one. */
  readonly image: string;
  /** `OS/ARCHITECTURE`. */
  readonly platform: string;
  readonly layerPath: string;
  readonly configPath: string;
  /** The path of a temporary file for uncompressed contents, which is removed at the end. */
  readonly spoolPath: string;
}

/**
 * Flattens the image for a platform, and writes its layer and its configuration.
 *
 * @throws UserError if the layout has no such image, or the image is damaged or hostile
 */
export async function writeBase(options: BaseOptions): Promise<void> {
  const layout = await ImageLayout.open(options.image);
  const image = findImage(layout, parsePlatformName(options.platform));
  rmSync(options.spoolPath, { force: true });
  await flattenImage(layout, image, options.spoolPath, (items) => writeLayerFile(options.layerPath, items));
  rmSync(options.spoolPath);
  writeWholeFile(options.configPath, rootConfigText(image.configuration.root));
}
