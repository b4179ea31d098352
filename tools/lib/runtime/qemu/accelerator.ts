import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

/** The maximum time, in milliseconds, until the firmware prints its first byte if KVM works. */
const PROBE_LIMIT_MS = 10_000;

export interface Accelerator {
  readonly args: readonly string[];
  /** One line with the choice and its reason. */
  readonly reason: string;
}

const KVM: readonly string[] = ['-accel', 'kvm', '-cpu', 'host'];
const TCG: readonly string[] = ['-accel', 'tcg,thread=multi'];

/** Whether the firmware reaches its console under KVM, on the same machine type as the guests. */
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
      // A process that hangs in the kernel may end much later. Do not wait for it.
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
 * Chooses KVM if it really runs a guest, else TCG.
 *
 * A guest may make no progress even if /dev/kvm exists and can be opened, for example when nested
 * virtualisation is broken. So the probe starts the firmware under KVM and waits for its first
 * output.
 */
export async function chooseAccelerator(qemu: string, firmwareCode: string): Promise<Accelerator> {
  if (!existsSync('/dev/kvm')) return { args: TCG, reason: 'no /dev/kvm here, so QEMU emulates (TCG)' };
  return (await kvmRunsFirmware(qemu, firmwareCode))
    ? { args: KVM, reason: 'KVM works here' }
    : { args: TCG, reason: '/dev/kvm exists but runs no firmware, so QEMU emulates (TCG)' };
}
