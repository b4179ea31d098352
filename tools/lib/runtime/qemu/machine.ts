/** A port of the guest that is reachable at the host's loopback address. */
export interface ForwardedPort {
  readonly hostPort: number;
  readonly guestPort: number;
}

export interface MachineOptions {
  /** A raw disk image, which the guest changes. */
  readonly disk: string;
  /** OVMF's code, and a copy of its variable store that the guest may change. */
  readonly firmwareCode: string;
  readonly firmwareVariables: string;
  readonly memoryMib: number;
  readonly cpuCount: number;
  readonly acceleratorArgs: readonly string[];
  readonly ports: readonly ForwardedPort[];
  /** A QEMU character device for the serial console: `stdio`, `unix:PATH,server=on`. */
  readonly serial: string;
}

/**
 * Returns the command line of a UEFI machine with one disk, one network card and a serial console.
 */
export function machineArgs(options: MachineOptions): string[] {
  const forwards = options.ports
    .map(({ hostPort, guestPort }) => `,hostfwd=tcp:127.0.0.1:${hostPort}-:${guestPort}`)
    .join('');
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-machine', 'q35', ...options.acceleratorArgs],
    ...['-m', String(options.memoryMib), '-smp', String(options.cpuCount)],
    ...['-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${options.firmwareCode}`],
    ...['-drive', `if=pflash,format=raw,unit=1,file=${options.firmwareVariables}`],
    ...['-drive', `if=none,id=disk,format=raw,cache=unsafe,discard=unmap,file=${options.disk}`],
    ...['-device', 'virtio-blk-pci,drive=disk,bootindex=1'],
    ...['-netdev', `user,id=net${forwards}`, '-device', 'virtio-net-pci,netdev=net'],
    ...['-object', 'rng-random,filename=/dev/urandom,id=rng', '-device', 'virtio-rng-pci,rng=rng'],
    ...['-serial', options.serial],
  ];
}
