import type { Step } from '../lib/image/steps/step.ts';
import { DATABASE, infoName } from './database.ts';
import type { UnpackedPackage } from './unpack.ts';

/** Has the users and groups that other packages' scripts need, and makes them before it is configured. */
const FIRST_PREINST = 'base-passwd';

/**
 * The environment of the packages' scripts. Next to what dpkg's documentation asks for, it takes away what would make
 * two runs differ, at its cause.
 */
const ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LC_ALL: 'C.UTF-8',
  TZ: 'UTC',
  DEBIAN_FRONTEND: 'noninteractive',
  DEBCONF_NONINTERACTIVE_SEEN: 'true',
  // The kernel's scripts make no initial RAM disk: the image's own rules do.
  INITRD: 'No',
  // The date of the last password change in /etc/shadow. Day 0 would mean that the password has to be changed at once.
  SOURCE_DATE_EPOCH: '86400',
  // Perl's hashes in one order, and with them what debconf and others write out of them.
  PERL_HASH_SEED: '0',
  // systemctl looks for no running systemd.
  SYSTEMD_OFFLINE: '1',
};

const POLICY = '/usr/sbin/policy-rc.d';
const SSH_HOST_KEYS = ['rsa', 'ecdsa', 'ed25519'].map((type) => `/etc/ssh/ssh_host_${type}_key`);
/** Any identity will do while packages are configured, as long as it is the same at every build. */
const PASSING_MACHINE_ID = '00000000000000000000000000000001';

/** What a run leaves behind that is of no use in an image, or that no two runs have in common. */
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
  // Times and inode numbers of libraries; ldconfig makes it anew when it has to.
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

/** Before the first script: no service is started, and what scripts would make at random is there already. */
function prepare(packages: readonly UnpackedPackage[]): Step {
  const hasSshServer = packages.some(({ binary }) => binary.name === 'openssh-server');
  return shellStep('prepare the configuration', [
    `printf '#!/bin/sh\\nexit 101\\n' >${POLICY}`,
    `chmod 0755 ${POLICY}`,
    `echo ${PASSING_MACHINE_ID} >/etc/machine-id`,
    ...(hasSshServer ? SSH_HOST_KEYS.map((key) => `: >${key}`) : []),
  ]);
}

/** Runs the script that dpkg runs before it unpacks a package; here everything is unpacked already. */
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

/** The steps that configure unpacked packages; see `unpack`. */
export function configureSteps(packages: readonly UnpackedPackage[]): Step[] {
  const withPreinst = packages.filter(({ binary }) => binary.controlFiles.has('preinst'));
  const isFirst = ({ binary }: UnpackedPackage) => binary.name === FIRST_PREINST;
  return [
    prepare(packages),
    ...[...withPreinst.filter(isFirst), ...withPreinst.filter((unpacked) => !isFirst(unpacked))].map(preinst),
    shellStep('configure the packages', [
      // Nothing is lost when the machine stops: then the layer is not written at all.
      'exec dpkg --force-unsafe-io --log=/dev/null --configure --pending',
    ]),
    shellStep('check that every package is configured', [
      'audit=$(dpkg --audit)',
      '[ -z "$audit" ] || { echo "$audit" >&2; exit 1; }',
    ]),
    shellStep('remove what the configuration leaves behind', [
      `rm -f ${LEFTOVERS.join(' ')}`,
      // Empty: systemd takes or makes an identity when the machine starts.
      ': >/etc/machine-id',
    ]),
  ];
}
