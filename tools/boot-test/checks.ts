import { once } from 'node:events';
import { connect } from 'node:net';
import type { Guest } from '../lib/runtime/qemu/guest.ts';

/** The maximum time for one command or answer of the guest, in milliseconds. Emulation is slow. */
const ANSWER_LIMIT_MS = 120_000;

/** Runs a command in the shell at the console. */
export async function runCommand(guest: Guest, command: string): Promise<{ output: string; status: number }> {
  const from = guest.console.position;
  // Each marker is typed in two parts, so that the echo of the command line does not match the
  // result.
  guest.console.type(`echo "<""output>"; ${command}; echo "<""status $?>"\n`);
  const result = /<output>\r?\n([\s\S]*?)<status (\d+)>/;
  const [, output = '', status] = await guest.console.waitFor(result, from, ANSWER_LIMIT_MS);
  return { output: output.replaceAll('\r', '').trim(), status: Number(status) };
}

/** Logs in at the console and waits for a shell. */
export async function login(guest: Guest, user: string, password: string): Promise<void> {
  const from = guest.console.position;
  guest.console.type(`${user}\n`);
  await guest.console.waitFor(/[Pp]assword:/, from, ANSWER_LIMIT_MS);
  guest.console.type(`${password}\n`);
  await guest.console.waitFor(/[#$] $/, from, ANSWER_LIMIT_MS);
  await runCommand(guest, 'stty cols 500; export PAGER=cat SYSTEMD_COLORS=0 SYSTEMD_URLIFY=0');
}

function hostPort(guest: Guest, guestPort: number): number {
  const port = guest.ports.get(guestPort);
  if (port === undefined) throw new Error(`port ${guestPort} of the guest is not forwarded`);
  return port;
}

/** Returns the first bytes that a server in the guest sends on its own. */
export async function banner(guest: Guest, guestPort: number): Promise<string> {
  const socket = connect(hostPort(guest, guestPort), '127.0.0.1');
  socket.setTimeout(ANSWER_LIMIT_MS, () =>
    socket.destroy(new Error(`port ${guestPort} sent nothing within ${ANSWER_LIMIT_MS / 1000} seconds`)),
  );
  try {
    const [data] = (await once(socket, 'data')) as [Buffer];
    return data.toString('latin1');
  } finally {
    socket.destroy();
  }
}

/** Fetches a page from a server in the guest. */
export async function fetchPage(guest: Guest, guestPort: number, path: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${hostPort(guest, guestPort)}${path}`, {
    signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} on port ${guestPort} answers ${response.status}: ${text}`);
  return text;
}
