import type { Format } from './format.ts';
import { CPIO } from './formats/cpio.ts';
import { EXT4 } from './formats/ext4.ts';
import { TAR } from './formats/tar.ts';

export const FORMATS: readonly Format[] = [...EXT4, ...TAR, CPIO];
