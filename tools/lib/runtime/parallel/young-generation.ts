import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8's young generation at the size that it begins with: 1 MiB, three times. It would grow to 32 MiB, three times, for a tool that
 * makes a tree of many entries, which nearly all stay: 140 MiB more of memory for no time saved.
 *
 * To be called by a tool before it does anything; about the memory of this process alone.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
