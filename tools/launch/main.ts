import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { UserError } from '../lib/formats/error/user-error.ts';
import { LIST, required, runTool } from '../lib/runtime/cli/cli.ts';
import { freePort, guestCommand, unpackDisk } from '../lib/runtime/qemu/guest.ts';
import type { ForwardedPort } from '../lib/runtime/qemu/machine.ts';
import { GUEST_OPTIONS, guestMemoryMib, guestTools } from '../lib/runtime/qemu/options.ts';
import { FirmwareScreen } from './firmware-screen.ts';

const SSH_PORT = 22;

/** Parses `GUEST` or `GUEST:HOST`. Without a host port, takes a free one. */
async function parseForward(text: string): Promise<ForwardedPort> {
  const match = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(text);
  if (match === null)
    throw new UserError(`--forward=${text}: write --forward=GUEST-PORT or --forward=GUEST-PORT:HOST-PORT`);
  return {
    guestPort: Number(match[1]),
    hostPort: match[2] === undefined ? await freePort() : Number(match[2]),
  };
}

function describe({ guestPort, hostPort }: ForwardedPort): string {
  if (guestPort === SSH_PORT) return `ssh -p ${hostPort} root@127.0.0.1`;
  return `http://127.0.0.1:${hostPort}/ is port ${guestPort}`;
}

await runTool(async ({ args }) => {
  const { values } = parseArgs({ args: [...args], options: { ...GUEST_OPTIONS, forward: LIST } });
  const tools = guestTools(values);
  const ports = await Promise.all(values.forward.map(parseForward));
  const folder = mkdtempSync(join(tmpdir(), 'icos-launch-'));
  // Ctrl-C is for the guest. QEMU ends after Ctrl-A X, a power-off, or the end of the terminal.
  process.on('SIGINT', () => undefined);
  try {
    const disk = unpackDisk(required(values.disk, 'disk'), folder, tools);
    const memoryMib = guestMemoryMib(values);
    const machine = { disk, folder, ports, memoryMib, serial: 'mon:stdio' };
    const { args: qemuArgs, reason } = await guestCommand(machine, tools);
    console.log(`launch: ${reason}`);
    for (const port of ports) console.log(`launch: ${describe(port)}`);
    console.log(
      'launch: this is the serial console; leave with Ctrl-A X; the disk is a copy, which is deleted afterwards',
    );
    const child = spawn(tools.qemu, qemuArgs, { stdio: ['inherit', 'pipe', 'inherit'] });
    child.stdout.pipe(new FirmwareScreen()).pipe(process.stdout);
    process.on('SIGTERM', () => child.kill('SIGTERM'));
    const [status] = (await once(child, 'close')) as [number | null];
    process.exitCode = status ?? 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
