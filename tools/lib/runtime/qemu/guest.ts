import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { chooseAccelerator } from './accelerator.ts';
import { Console } from './console.ts';
import { type ForwardedPort, machineArgs } from './machine.ts';

/** The programs and the firmware that start a guest. */
export interface GuestTools {
  readonly qemu: string;
  readonly tar: string;
  readonly zstd: string;
  readonly firmwareCode: string;
  readonly firmwareVariables: string;
}

/** A running guest. */
export interface Guest {
  readonly console: Console;
  /** The host port of each requested guest port. */
  readonly ports: ReadonlyMap<number, number>;
  /** Milliseconds since the firmware started. */
  elapsedMs(): number;
  /** Ends the guest at once, as a power cut does, and waits for the end of its process. */
  powerOff(): Promise<void>;
}

/** Unpacks `disk.img` from a disk archive into `folder`, with GNU tar and zstd, as a user does. */
export function unpackDisk(archive: string, folder: string, tools: GuestTools): string {
  mkdirSync(folder, { recursive: true });
  const { status, stderr } = spawnSync(
    tools.tar,
    ['--extract', `--use-compress-program=${tools.zstd}`, `--file=${archive}`, `--directory=${folder}`],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`tar cannot unpack ${archive}: ${stderr}`);
  return join(folder, 'disk.img');
}

/** Finds a free port on the loopback address. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('the loopback address has no free port');
  server.close();
  await once(server, 'close');
  return address.port;
}

/** A virtual machine with its own copy of the variable store. */
export interface GuestMachine {
  readonly disk: string;
  /** The folder for the copy of the variable store. */
  readonly folder: string;
  readonly ports: readonly ForwardedPort[];
  readonly memoryMib: number;
  readonly serial: string;
}

const CPU_COUNT = 2;

/** Returns QEMU's command line for a guest, and one line about the choice of the accelerator. */
export async function guestCommand(
  { disk, folder, ports, memoryMib, serial }: GuestMachine,
  tools: GuestTools,
): Promise<{ readonly args: readonly string[]; readonly reason: string }> {
  const { args: acceleratorArgs, reason } = await chooseAccelerator(tools.qemu, tools.firmwareCode);
  const firmwareVariables = join(folder, 'firmware-variables.fd');
  copyFileSync(tools.firmwareVariables, firmwareVariables);
  const { firmwareCode } = tools;
  const cpuCount = CPU_COUNT;
  const machine = {
    disk,
    firmwareCode,
    firmwareVariables,
    memoryMib,
    cpuCount,
    acceleratorArgs,
    ports,
    serial,
  };
  return { args: machineArgs(machine), reason };
}

/** Boots a disk, starting with the firmware. */
export async function startGuest(
  disk: string,
  folder: string,
  guestPorts: readonly number[],
  memoryMib: number,
  tools: GuestTools,
): Promise<Guest> {
  const ports = new Map<number, number>();
  for (const guestPort of guestPorts) ports.set(guestPort, await freePort());
  const forwarded = [...ports].map(([guestPort, hostPort]) => ({ guestPort, hostPort }));
  const machine = { disk, folder, ports: forwarded, memoryMib, serial: 'stdio' };
  const { args, reason } = await guestCommand(machine, tools);
  console.log(`# ${reason}`);
  const startedMs = performance.now();
  const child = spawn(tools.qemu, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const serial = new Console(child.stdout, child.stdin, (text) => process.stdout.write(text));
  return {
    console: serial,
    ports,
    elapsedMs: () => performance.now() - startedMs,
    powerOff: () => stop(child, closed),
  };
}

async function stop(child: ChildProcess, closed: Promise<unknown>): Promise<void> {
  child.kill('SIGKILL');
  await closed;
}
