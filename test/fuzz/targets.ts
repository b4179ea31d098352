import type { Target } from './target.ts';
import { ARCHIVES } from './targets/archives.ts';
import { DISKS } from './targets/disks.ts';
import { FILE_SYSTEMS } from './targets/file-systems.ts';
import { VOLUMES } from './targets/volumes.ts';

/** Every reader of files from outside. */
export const TARGETS: readonly Target[] = [...FILE_SYSTEMS, ...DISKS, ...VOLUMES, ...ARCHIVES];
