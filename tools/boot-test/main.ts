import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { UserError } from '../lib/formats/error/user-error.ts';
import { LIST, nameValuePairs, required, runTool, TEXT } from '../lib/runtime/cli/cli.ts';
import { type Guest, startGuest, unpackDisk } from '../lib/runtime/qemu/guest.ts';
import { GUEST_OPTIONS, guestMemoryMib, guestTools } from '../lib/runtime/qemu/options.ts';
import { banner, fetchPage, login, runCommand } from './checks.ts';

const SSH_PORT = 22;

/** The expectations for a boot. Each one is a line of the report. */
interface Expectations {
  /** Text on the console that shows that the system is up. */
  readonly ready: RegExp;
  readonly readyLimitMs: number;
  /** The user who can log in at the console; `undefined` if the console must not offer a login. */
  readonly login: { readonly user: string; readonly password: string } | undefined;
  /** The guest port and path of each page to fetch, and a text that the page must contain. */
  readonly pages: readonly { readonly port: number; readonly path: string; readonly text: RegExp }[];
  /** Other texts that must be on the console before the text in `ready`, or together with it. */
  readonly consoleTexts: readonly RegExp[];
  readonly version: string | undefined;
}

function expectEqual(what: string, actual: string, expected: string): void {
  if (actual !== expected) throw new Error(`${what}: expected ${expected}, found ${actual}`);
}

async function checkInside(guest: Guest): Promise<void> {
  const state = await runCommand(guest, 'systemctl is-system-running --wait');
  const failed = await runCommand(guest, 'systemctl list-units --failed --no-legend --plain');
  expectEqual('failed units', failed.output === '' ? 'none' : failed.output, 'none');
  expectEqual('systemctl is-system-running', state.output, 'running');
  console.log('\nok - the system is running and no unit failed');

  const write = await runCommand(guest, 'touch /written-by-boot-test');
  if (write.status === 0 || !write.output.includes('Read-only file system')) {
    throw new Error(`the root file system accepts a write: ${write.output}`);
  }
  console.log('\nok - the root file system is read-only');
  const times = await runCommand(guest, 'systemd-analyze time');
  console.log(`\n# ${times.output}`);
}

async function checkBoot(guest: Guest, expected: Expectations): Promise<void> {
  await guest.console.waitFor(expected.ready, 0, expected.readyLimitMs);
  console.log(`\n# firmware to ${expected.ready}: ${(guest.elapsedMs() / 1000).toFixed(1)} s`);
  if (expected.version !== undefined && !guest.console.text.includes(expected.version)) {
    throw new Error(`the console does not show the version ${expected.version}`);
  }
  for (const text of expected.consoleTexts) {
    if (!text.test(guest.console.text)) throw new Error(`the console does not show ${text}`);
    console.log(`\nok - the console shows ${text}`);
  }
  if (expected.login !== undefined) {
    await login(guest, expected.login.user, expected.login.password);
    await checkInside(guest);
  } else if (/login: *$/m.test(guest.console.text)) {
    throw new Error('the console offers a login');
  }
  const ssh = await banner(guest, SSH_PORT);
  if (!ssh.startsWith('SSH-2.0-')) throw new Error(`port ${SSH_PORT} does not speak ssh: ${ssh}`);
  console.log(`\nok - ssh answers: ${ssh.trim()}`);
  for (const { port, path, text } of expected.pages) {
    const page = await fetchPage(guest, port, path);
    if (!text.test(page)) throw new Error(`${path} on port ${port} has no ${text}: ${page.slice(0, 500)}`);
    console.log(`ok - ${path} on port ${port} has ${text}`);
  }
}

/** Parses `PORT/PATH=REGULAR EXPRESSION`. */
function parsePage([address, text]: [string, string]): Expectations['pages'][number] {
  const slash = address.indexOf('/');
  const port = Number(address.slice(0, slash));
  if (slash < 1 || !Number.isInteger(port)) {
    throw new UserError(`--page=${address}=${text}: write --page=PORT/PATH=REGULAR-EXPRESSION`);
  }
  return { port, path: address.slice(slash), text: new RegExp(text) };
}

function parseLogin(text: string | undefined): Expectations['login'] {
  if (text === undefined) return undefined;
  const [user, password] = text.split(':', 2);
  if (!user || !password) throw new UserError(`--login=${text}: write --login=USER:PASSWORD`);
  return { user, password };
}

await runTool(async ({ args }) => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...GUEST_OPTIONS,
      ready: TEXT,
      'ready-limit': TEXT,
      login: TEXT,
      'version-file': TEXT,
      'console-text': LIST,
      page: LIST,
    },
  });
  const tools = guestTools(values);
  const expected: Expectations = {
    ready: new RegExp(required(values.ready, 'ready')),
    readyLimitMs: Number(values['ready-limit'] ?? '600') * 1000,
    login: parseLogin(values.login),
    pages: nameValuePairs(values.page, 'page').map(parsePage),
    consoleTexts: values['console-text'].map((text) => new RegExp(text)),
    version:
      values['version-file'] === undefined ? undefined : readFileSync(values['version-file'], 'utf8').trim(),
  };
  const folder = mkdtempSync(join(process.env['TEST_TMPDIR'] ?? tmpdir(), 'boot-'));
  try {
    const disk = unpackDisk(required(values.disk, 'disk'), folder, tools);
    const ports = [SSH_PORT, ...expected.pages.map(({ port }) => port)];
    const guest = await startGuest(disk, folder, ports, guestMemoryMib(values), tools);
    try {
      await checkBoot(guest, expected);
    } finally {
      await guest.powerOff();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
