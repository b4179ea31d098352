import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

/** How long a working KVM may take to show the first byte of its firmware, in milliseconds. */
const PROBE_LIMIT_MS = 5000;
/** SeaBIOS writes its banner to this I/O port (docs: SeaBIOS, Debugging). */
const DEBUG_PORT = '0x402';

export interface Accelerator {
  readonly args: readonly string[];
  /** One line that says which was taken, and why. */
  readonly reason: string;
}

const TCG: readonly string[] = ['-accel', 'tcg,thread=multi'];

/**
 * Chooses KVM where it really runs a guest, else TCG.
 *
 * That /dev/kvm exists and opens does not say that a guest makes progress (nested virtualisation may be broken), so
 * the probe starts a firmware under KVM and waits for its first output.
 */
export async function chooseAccelerator(qemu: string): Promise<Accelerator> {
  if (!existsSync('/dev/kvm')) return { args: TCG, reason: 'no /dev/kvm here, so QEMU emulates (TCG)' };
  const works = await new Promise<boolean>((resolve) => {
    const probe = spawn(
      qemu,
      [
        '-accel',
        'kvm',
        '-machine',
        'q35',
        '-m',
        '64',
        '-display',
        'none',
        '-nodefaults',
        '-no-user-config',
      ].concat(['-chardev', 'stdio,id=debug', '-device', `isa-debugcon,iobase=${DEBUG_PORT},chardev=debug`]),
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    let answered = false;
    const limit = setTimeout(() => probe.kill('SIGKILL'), PROBE_LIMIT_MS);
    probe.stdout.once('data', () => {
      answered = true;
      probe.kill('SIGKILL');
    });
    probe.once('error', () => resolve(false));
    probe.once('close', () => {
      clearTimeout(limit);
      resolve(answered);
    });
  });
  return works
    ? { args: ['-accel', 'kvm', '-cpu', 'host'], reason: 'KVM works here' }
    : { args: TCG, reason: '/dev/kvm exists but runs no guest, so QEMU emulates (TCG)' };
}
