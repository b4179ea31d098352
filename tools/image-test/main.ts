import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { TreeReader } from '../lib/formats/entry/tree-reader.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import { LIST, nameValuePairs, required, runTool, TEXT } from '../lib/runtime/cli/cli.ts';
import {
  checksumProblems,
  strayDataProblems,
  tableProblems,
  twinProblems,
  upgradeProblems,
} from './checks/archives.ts';
import { contentProblems } from './checks/contents.ts';
import { debugfsContentProblems, debugfsProblems, mtoolsContentProblems } from './checks/debugfs.ts';
import { dumpErofsProblems, fsckContentProblems } from './checks/erofs.ts';
import { cleanProblems, verityProblems } from './checks/file-systems.ts';
import {
  loginProblems,
  type ReadFile,
  referenceProblems,
  secretProblems,
  setUidProblems,
  versionProblems,
} from './checks/policy.ts';
import { type Image, openImage, type PartitionImage } from './image.ts';
import { Report } from './report.ts';
import { openTree } from './tree-reader.ts';

interface Subject {
  readonly disks: readonly string[];
  readonly upgrades: readonly string[];
  readonly version: string;
  readonly login: string;
  readonly setUid: readonly string[];
  readonly componentFiles: ReadonlyMap<string, string>;
  readonly rootPartition: string;
  readonly bootPartition: string;
}

async function checkArchives(report: Report, image: Image, subject: Subject): Promise<void> {
  const archives = [...subject.disks, ...subject.upgrades];
  await report.check('every archive has the digest that its .sha256 file and image.json say', () =>
    checksumProblems(image, archives),
  );
  await report.check('sgdisk finds the partition table of the layout, and no problem', () =>
    tableProblems(image),
  );
  await report.check('no data is outside the partitions', () => strayDataProblems(image));
  for (const twin of subject.disks.slice(1)) {
    await report.check(`${basename(twin)} holds the same disk`, () => twinProblems(image, twin));
  }
  for (const upgrade of subject.upgrades) {
    await report.check(`${basename(upgrade)} holds the disk's own partitions, byte for byte`, () =>
      upgradeProblems(image, upgrade, subject),
    );
  }
}

async function checkPartition(
  report: Report,
  partition: PartitionImage,
  reader: TreeReader,
  folder: string,
): Promise<void> {
  const { name, index, entries } = partition;
  const type = index.fileSystem?.type ?? 'none';
  const copy = join(folder, `copy-of-${name}`);
  await report.check(`${name}: the ${type} file system is clean`, () => cleanProblems(partition));
  await report.check(`${name}: our reader finds every entry of the manifest, and nothing else`, () =>
    contentProblems(name, entries, reader),
  );
  if (type === 'ext4') {
    await report.check(`${name}: debugfs sees every mode, owner, size and attribute of the manifest`, () =>
      debugfsProblems(partition),
    );
    await report.check(`${name}: files copied out by debugfs have the digests of the manifest`, () =>
      debugfsContentProblems(partition, copy),
    );
  } else if (type === 'erofs') {
    await report.check(
      `${name}: dump.erofs agrees with the manifest about entries that are set-uid, not owned by root or have attributes`,
      () => dumpErofsProblems(partition),
    );
    await report.check(
      `${name}: files copied out by fsck.erofs have the digests and modes of the manifest`,
      () => fsckContentProblems(partition, copy),
    );
  } else {
    await report.check(`${name}: files copied out by mtools have the digests of the manifest`, () =>
      mtoolsContentProblems(partition, copy),
    );
  }
  rmSync(copy, { recursive: true, force: true });
  if (index.verity !== undefined) {
    await report.check(`${name}: veritysetup verifies the hash tree against the root hash`, () =>
      verityProblems(partition),
    );
  }
}

async function checkPolicy(
  report: Report,
  image: Image,
  readFile: ReadFile,
  subject: Subject,
): Promise<void> {
  const { version, rootPartition, bootPartition } = subject;
  await report.check('only the listed files are set-uid or set-gid', () =>
    setUidProblems(image, subject.setUid),
  );
  await report.check('the image contains no ssh host key, machine id or private key', () =>
    secretProblems(image, readFile),
  );
  await report.check(`password logins are allowed for: ${subject.login}`, () =>
    loginProblems(image, readFile, subject.login, rootPartition),
  );
  await report.check(`the version is ${version} everywhere`, () =>
    versionProblems(image, readFile, version, [
      [rootPartition, '/opt/ic/share/version.txt'],
      [bootPartition, '/version.txt'],
    ]),
  );
  await report.check('every path below /opt/ic that a component names exists', () =>
    referenceProblems(image, subject.componentFiles),
  );
}

async function checkAll(image: Image, subject: Subject): Promise<Report> {
  const report = new Report();
  const readers = new Map<string, TreeReader>();
  await checkArchives(report, image, subject);
  for (const partition of image.partitions) {
    const reader = openTree(partition);
    if (reader === undefined) continue;
    readers.set(partition.name, reader);
    await checkPartition(report, partition, reader, image.folder);
  }
  const readFile: ReadFile = (name, path) => {
    const reader = readers.get(name);
    if (reader === undefined) throw new UserError(`the image has no partition ${name} with a file system`);
    return Buffer.concat(Array.from(reader.readFile(path.slice(1)), (piece) => Uint8Array.from(piece)));
  };
  await checkPolicy(report, image, readFile, subject);
  return report;
}

await runTool(async ({ args }) => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      manifest: TEXT,
      'version-file': TEXT,
      layout: TEXT,
      login: TEXT,
      'root-partition': TEXT,
      'boot-partition': TEXT,
      disk: LIST,
      upgrade: LIST,
      partition: LIST,
      'set-uid': LIST,
      'component-file': LIST,
    },
  });
  const folder = mkdtempSync(join(process.env['TEST_TMPDIR'] ?? tmpdir(), 'image-'));
  try {
    const image = openImage({
      manifest: required(values.manifest, 'manifest'),
      layout: required(values.layout, 'layout'),
      disk: required(values.disk[0], 'disk'),
      indexes: nameValuePairs(values.partition, 'partition'),
      folder,
    });
    const report = await checkAll(image, {
      disks: values.disk,
      upgrades: values.upgrade,
      version: readFileSync(required(values['version-file'], 'version-file'), 'utf8').trim(),
      login: values.login ?? 'none',
      setUid: values['set-uid'],
      componentFiles: new Map(values['component-file'].map((path) => [path, readFileSync(path, 'utf8')])),
      rootPartition: required(values['root-partition'], 'root-partition'),
      bootPartition: required(values['boot-partition'], 'boot-partition'),
    });
    console.log(report.summary());
    if (report.failed > 0) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
