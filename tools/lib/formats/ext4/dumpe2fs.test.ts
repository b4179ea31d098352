/**
 * Compares the fields that dumpe2fs shows with those of a file system of mke2fs with equal options,
 * and with counts that the test computes.
 */
import { execFileSync } from 'node:child_process';
import { afterAll, describe, expect, test } from 'vitest';
import { directory, file } from '../../testing/entries/entries.ts';
import { e2fsckComplaints, ImageFolder, TEST_OPTIONS } from '../../testing/ext4/ext4-image.ts';
import { noise } from '../../testing/noise.ts';
import { realTool } from '../../testing/real-tool.ts';
import type { Ext4Options } from './ext4.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const TIME_SECONDS = 1_700_000_000;
const images = new ImageFolder();
afterAll(() => images.remove());

interface Group {
  readonly flags: string;
  readonly freeBlocks: number;
  readonly freeInodes: number;
  readonly directories: number;
  readonly unusedInodes: number;
}

function dumpe2fs(path: string): { fields: Map<string, string>; groups: Group[] } {
  const text = execFileSync(realTool('dumpe2fs', 'e2fsprogs'), [path], {
    encoding: 'utf8',
    env: { ...process.env, TZ: 'UTC' },
    maxBuffer: 64 * MIB,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [header = '', ...rest] = text.split(/^Group (?=\d+:)/m);
  const fields = new Map<string, string>();
  for (const line of header.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const groups = rest.map((group): Group => {
    const counts = /(\d+) free blocks, (\d+) free inodes, (\d+) directories(?:, (\d+) unused inodes)?/.exec(
      group,
    );
    const [freeBlocks, freeInodes, directories, unusedInodes] = (counts ?? [])
      .slice(1)
      .map((count) => Number(count ?? 0));
    return {
      flags: /\[([^\]]*)\]/.exec(group)?.[1] ?? '',
      freeBlocks: freeBlocks ?? 0,
      freeInodes: freeInodes ?? 0,
      directories: directories ?? 0,
      unusedInodes: unusedInodes ?? 0,
    };
  });
  return { fields, groups };
}

/**
 * Fields that depend on the layout, on the machine that mke2fs was built for, or on the writes of
 * mke2fs itself.
 */
const OWN_FIELDS = [
  'Checksum',
  'Filesystem flags',
  'Lifetime writes',
  'Overhead clusters',
  'Journal checksum',
  'Journal checksum type',
];

/** Compares all output of dumpe2fs for our empty file system with the output for one of mke2fs. */
function expectAsMke2fs(options: Partial<Ext4Options> & { sizeBytes: number; inodeCount: number }): void {
  const path = images.write([], { timeSeconds: TIME_SECONDS, ...options });
  expect(e2fsckComplaints(path)).toBe('');
  const { label, uuid, hashSeed } = { ...TEST_OPTIONS, ...options };
  const model = images.file('model.img');
  execFileSync(
    realTool('mke2fs', 'e2fsprogs'),
    [
      ...['-q', '-F', '-t', 'ext4', '-b', '4096', '-I', '256', '-N', `${options.inodeCount}`],
      ...[
        '-O',
        `64bit,^resize_inode,^orphan_file,^metadata_csum_seed${options.journal ? '' : ',^has_journal'}`,
      ],
      ...['-L', label, '-U', uuid, '-M', options.lastMounted ?? '', '-m', `${options.reservedPercent ?? 0}`],
      ...[
        '-E',
        `hash_seed=${hashSeed},lazy_itable_init=1,root_owner=0:0`,
        model,
        `${options.sizeBytes / 1024}k`,
      ],
    ],
    { env: { ...process.env, SOURCE_DATE_EPOCH: `${TIME_SECONDS}`, E2FSPROGS_FAKE_TIME: `${TIME_SECONDS}` } },
  );
  const ours = dumpe2fs(path);
  const theirs = dumpe2fs(model);
  for (const { fields } of [ours, theirs]) for (const name of OWN_FIELDS) fields.delete(name);
  expect(ours.fields).toEqual(theirs.fields);
  expect(ours.groups.length).toBe(theirs.groups.length);
  const total = (groups: readonly Group[], field: 'freeBlocks' | 'freeInodes' | 'directories'): number =>
    groups.reduce((sum, group) => sum + group[field], 0);
  for (const field of ['freeBlocks', 'freeInodes', 'directories'] as const) {
    expect(total(ours.groups, field), field).toBe(total(theirs.groups, field));
  }
}

describe('dumpe2fs shows the same for an empty file system as for one of mke2fs', () => {
  test.each([
    ['8 MiB', { sizeBytes: 8 * MIB, inodeCount: 512 }],
    ['64 MiB with a journal', { sizeBytes: 64 * MIB, inodeCount: 4096, journal: true }],
    ['1 GiB with blocks for root', { sizeBytes: GIB, inodeCount: 65_536, journal: true, reservedPercent: 5 }],
    ['10 GiB with a label of 16 bytes', { sizeBytes: 10 * GIB, inodeCount: 163_840, label: 'größe-öäü-1' }],
    ['with a last mount point', { sizeBytes: 64 * MIB, inodeCount: 4096, lastMounted: '/var/lib' }],
  ])('%s', (_, options) => {
    expectAsMke2fs(options);
  });
});

test('the counts of each group match its content', () => {
  const content = noise(140 * MIB);
  const directories = Array.from({ length: 40 }, (_, index) => directory(`d${index}`));
  const path = images.write(
    [...directories, file('file', content.length)],
    { sizeBytes: 512 * MIB, inodeCount: 256, readOnly: true },
    { file: content },
  );
  expect(e2fsckComplaints(path)).toBe('');
  const { fields, groups } = dumpe2fs(path);
  // Four groups with 64 inodes each, in four blocks. The tree has a root, 40 directories, a file
  // and lost+found. Ten inodes are reserved.
  expect(fields.get('Inodes per group')).toBe('64');
  expect(fields.get('Free inodes')).toBe(`${256 - 10 - 42}`);
  expect(groups.map(({ freeInodes }) => freeInodes)).toEqual([12, 64, 64, 64]);
  expect(groups.map(({ unusedInodes }) => unusedInodes)).toEqual([12, 64, 64, 64]);
  expect(groups.map((group) => group.directories)).toEqual([42, 0, 0, 0]);
  // Groups 0, 1 and 3 have superblocks and descriptors. Group 0 has the bitmaps and tables of all
  // four groups, and the directories.
  const fixed = 2 + 4 * (2 + 4);
  const dataBlocks = 1 + 40 + 4 + content.length / 4096;
  const inGroup1 = dataBlocks - (32_768 - fixed);
  expect(groups.map(({ freeBlocks }) => freeBlocks)).toEqual([0, 32_768 - 2 - inGroup1, 32_768, 32_768 - 2]);
  expect(fields.get('Free blocks')).toBe(`${4 * 32_768 - fixed - 2 - 2 - dataBlocks}`);
  expect(groups.map(({ flags }) => flags)).toEqual([
    'ITABLE_ZEROED',
    'INODE_UNINIT, ITABLE_ZEROED',
    'INODE_UNINIT, BLOCK_UNINIT, ITABLE_ZEROED',
    // Linux always reads the bitmap of the last group.
    'INODE_UNINIT, ITABLE_ZEROED',
  ]);
});
