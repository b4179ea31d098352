/** From an image layout to the two files of a base. */
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
  /** `OS/ARCHITECTURE` */
  readonly platform: string;
  readonly layerPath: string;
  readonly configPath: string;
  /** Where a file for the uncompressed contents can be made; it is gone at the end. */
  readonly spoolPath: string;
}

/** @throws UserError where the layout has no such image, or it is damaged or hostile */
export async function writeBase(options: BaseOptions): Promise<void> {
  const layout = await ImageLayout.open(options.image);
  const image = findImage(layout, parsePlatformName(options.platform));
  rmSync(options.spoolPath, { force: true });
  await flattenImage(layout, image, options.spoolPath, (items) => writeLayerFile(options.layerPath, items));
  rmSync(options.spoolPath);
  writeWholeFile(options.configPath, rootConfigText(image.configuration.root));
}
