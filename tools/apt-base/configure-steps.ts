import type { Step } from '../lib/image/steps/step.ts';
import { DATABASE, infoName } from './database.ts';
import type { UnpackedPackage } from './unpack.ts';

/**
 * The package whose preinst creates the users and groups that the scripts of other packages need.
 */
const FIRST_PREINST = 'base-passwd';

/**
 * The environment of the packages' scripts. It has the variables that dpkg's documentation
 * requires, and variables that prevent differences between two runs.
 */
const ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LC_ALL: 'C.UTF-8',
  TZ: 'UTC',
  DEBIAN_FRONTEND: 'noninteractive',
  DEBCONF_NONINTERACTIVE_SEEN: 'true',
  // The kernel's scripts build no initial RAM disk, because the rules of the image do.
  INITRD: 'No',
  // The date of the last password change in /etc/shadow. Day 0 would force an immediate change.
  SOURCE_DATE_EPOCH: '86400',
  // Fixes the order of the keys in Perl's hashes, and so the order of the files that debconf and
  // other programs write from them.
  PERL_HASH_SEED: '0',
  // systemctl does not look for a running systemd.
  SYSTEMD_OFFLINE: '1',
};

const POLICY = '/usr/sbin/policy-rc.d';
const SSH_HOST_KEYS = ['rsa', 'ecdsa', 'ed25519'].map((type) => `/etc/ssh/ssh_host_${type}_key`);
/**
 * The machine ID during the configuration. Its value does not matter, but it must be the same in
 * every build.
 */
const PASSING_MACHINE_ID = '00000000000000000000000000000001';

/** Files of a run that are useless in an image, or that differ in every run. */
const LEFTOVERS = [
  POLICY,
  ...SSH_HOST_KEYS,
  '/etc/.pwd.lock',
  '/etc/passwd-',
  '/etc/group-',
  '/etc/shadow-',
  '/etc/gshadow-',
  '/etc/subuid-',
  '/etc/subgid-',
  '/var/lib/dbus/machine-id',
  '/var/lib/systemd/random-seed',
  '/var/log/alternatives.log',
  // Times and inode numbers of libraries. ldconfig rebuilds it when necessary.
  '/var/cache/ldconfig/aux-cache',
  '/var/cache/debconf/*-old',
  '/var/lib/dpkg/*-old',
  '/var/lib/dpkg/lock*',
  '/var/lib/dpkg/triggers/Lock',
];

function shellStep(
  name: string,
  script: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Step {
  return {
    name,
    argv: ['/bin/sh', '-c', ['set -eu', 'umask 022', ...script].join('\n')],
    env: { ...ENVIRONMENT, ...environment },
    workingDirectory: '/',
    user: '0:0',
  };
}

/**
 * Runs before the first script. Prevents service starts, and creates the files that scripts would
 * fill with random data.
 */
function prepare(packages: readonly UnpackedPackage[]): Step {
  const hasSshServer = packages.some(({ binary }) => binary.name === 'openssh-server');
  return shellStep('prepare the configuration', [
    `printf '#!/bin/sh\\nexit 101\\n' >${POLICY}`,
    `chmod 0755 ${POLICY}`,
    `echo ${PASSING_MACHINE_ID} >/etc/machine-id`,
    ...(hasSshServer ? SSH_HOST_KEYS.map((key) => `: >${key}`) : []),
  ]);
}

/**
 * Runs a preinst script. dpkg would run it before it unpacks the package, but here everything is
 * already unpacked.
 */
function preinst(unpacked: UnpackedPackage): Step {
  const { name, architecture } = unpacked.binary;
  return shellStep(`preinst of ${name}`, [`exec /${DATABASE}/info/${infoName(unpacked)}.preinst install`], {
    DPKG_ADMINDIR: `/${DATABASE}`,
    DPKG_MAINTSCRIPT_ARCH: architecture,
    DPKG_MAINTSCRIPT_NAME: 'preinst',
    DPKG_MAINTSCRIPT_PACKAGE: name,
    DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT: '1',
    DPKG_ROOT: '',
  });
}

/** Returns the steps that configure unpacked packages. */
export function configureSteps(packages: readonly UnpackedPackage[]): Step[] {
  const withPreinst = packages.filter(({ binary }) => binary.controlFiles.has('preinst'));
  const isFirst = ({ binary }: UnpackedPackage) => binary.name === FIRST_PREINST;
  return [
    prepare(packages),
    ...[...withPreinst.filter(isFirst), ...withPreinst.filter((unpacked) => !isFirst(unpacked))].map(preinst),
    shellStep('configure the packages', [
      // Unsafe writes lose nothing: if the machine stops, no layer is written.
      'exec dpkg --force-unsafe-io --log=/dev/null --configure --pending',
    ]),
    shellStep('check that every package is configured', [
      'audit=$(dpkg --audit)',
      '[ -z "$audit" ] || { echo "$audit" >&2; exit 1; }',
    ]),
    shellStep('remove what the configuration leaves behind', [
      `rm -f ${LEFTOVERS.join(' ')}`,
      // Left empty: systemd sets the machine ID when the machine starts.
      ': >/etc/machine-id',
    ]),
  ];
}
