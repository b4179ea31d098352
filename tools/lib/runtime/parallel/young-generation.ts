import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8's young generation at its initial size of three times 1 MiB. In a tool that builds a
 * tree of many entries, nearly all of which stay alive, it would grow to three times 32 MiB. The
 * tool would then need 140 MiB more memory and save no time.
 *
 * Call it at the start of a tool. It affects only the memory of this process.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
