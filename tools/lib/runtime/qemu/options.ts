import { required, TEXT } from '../cli/cli.ts';
import type { GuestTools } from './guest.ts';

/** The options of tools that start a guest. */
export const GUEST_OPTIONS = {
  disk: TEXT,
  qemu: TEXT,
  tar: TEXT,
  zstd: TEXT,
  'firmware-code': TEXT,
  'firmware-variables': TEXT,
  memory: TEXT,
};

type GuestValues = { readonly [Option in keyof typeof GUEST_OPTIONS]?: string | undefined };

/** The default of `--memory`, in MiB. */
const DEFAULT_MEMORY_MIB = '2048';

export function guestTools(values: GuestValues): GuestTools {
  return {
    qemu: required(values.qemu, 'qemu'),
    tar: required(values.tar, 'tar'),
    zstd: required(values.zstd, 'zstd'),
    firmwareCode: required(values['firmware-code'], 'firmware-code'),
    firmwareVariables: required(values['firmware-variables'], 'firmware-variables'),
  };
}

export function guestMemoryMib(values: GuestValues): number {
  return Number(values.memory ?? DEFAULT_MEMORY_MIB);
}
