import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

/** How long a working KVM may take to show the first byte of its firmware, in milliseconds. */
const PROBE_LIMIT_MS = 10_000;

export interface Accelerator {
  readonly args: readonly string[];
  /** One line that says which was taken, and why. */
  readonly reason: string;
}

const KVM: readonly string[] = ['-accel', 'kvm', '-cpu', 'host'];
const TCG: readonly string[] = ['-accel', 'tcg,thread=multi'];

/** Whether the firmware gets as far as its console under KVM, on the machine that guests get. */
function kvmRunsFirmware(qemu: string, firmwareCode: string): Promise<boolean> {
  return new Promise((resolve) => {
    const firmware = `if=pflash,format=raw,unit=0,readonly=on,file=${firmwareCode}`;
    const probe = spawn(
      qemu,
      ['-nodefaults', '-no-user-config', '-display', 'none', '-machine', 'q35', ...KVM].concat([
        '-m',
        '512',
        '-smp',
        '2',
        '-drive',
        firmware,
        '-serial',
        'stdio',
      ]),
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    const finish = (works: boolean) => {
      clearTimeout(limit);
      probe.kill('SIGKILL');
      // A process that hangs in the kernel ends when it can; nobody waits for it.
      probe.unref();
      probe.stdout.destroy();
      resolve(works);
    };
    const limit = setTimeout(() => finish(false), PROBE_LIMIT_MS);
    probe.stdout.once('data', () => finish(true));
    probe.once('error', () => finish(false));
    probe.once('close', () => finish(false));
  });
}

/**
 * Chooses KVM where it really runs a guest, else TCG.
 *
 * That /dev/kvm exists and opens does not say that a guest makes progress (nested virtualisation may be broken), so
 * the probe starts the firmware under KVM and waits for its first output.
 */
export async function chooseAccelerator(qemu: string, firmwareCode: string): Promise<Accelerator> {
  if (!existsSync('/dev/kvm')) return { args: TCG, reason: 'no /dev/kvm here, so QEMU emulates (TCG)' };
  return (await kvmRunsFirmware(qemu, firmwareCode))
    ? { args: KVM, reason: 'KVM works here' }
    : { args: TCG, reason: '/dev/kvm exists but runs no firmware, so QEMU emulates (TCG)' };
}
