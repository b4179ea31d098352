import type { Format } from './format.ts';
import { CPIO } from './formats/cpio.ts';
import { EROFS } from './formats/erofs.ts';
import { EXT4 } from './formats/ext4.ts';
import { TAR } from './formats/tar.ts';
import { VFAT } from './formats/vfat.ts';

export const FORMATS: readonly Format[] = [...EXT4, ...EROFS, ...VFAT, ...TAR, CPIO];
