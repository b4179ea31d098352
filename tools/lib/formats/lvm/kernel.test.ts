import { afterAll, expect, test } from 'vitest';
import { Disks, sha256, writeGroup } from '../../testing/lvm/real-lvm.ts';
import { noise } from '../../testing/noise.ts';
import { MemoryImage } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import { MDA_HEADER_BYTES } from './format.ts';
import { decodeMetadataAreaHeader } from './layout.ts';
import { encodeVolumeGroup, openLogicalVolume, readVolumeGroup } from './lvm.ts';

const MIB = 1 << 20;
const disks = new Disks();
afterAll(() => disks.remove());

function trimmed(output: string): string[] {
  return output
    .trim()
    .split('\n')
    .map((line) => line.trim());
}

const REQUEST = {
  name: 'host-lvm',
  identity: '//a:b',
  uuid: '4c7GVZ-Df82-QEcJ-xXtV-JgRL-IjLE-hK0FgA',
  tags: ['icos', 'a=b'],
  physicalVolumes: [
    {
      sizeBytes: 40 * MIB,
      metadataCopies: 2 as const,
      uuid: 'eu0VQE-HlTi-EyRc-GceP-xZtn-3j6t-iqEwyv',
      tags: ['first'],
    },
    { sizeBytes: 33 * MIB },
    { sizeBytes: 16 * MIB, metadataCopies: 0 as const, dataStartBytes: 4 * MIB },
  ],
  logicalVolumes: [
    { name: 'A_root', sizeBytes: 8 * MIB, tags: ['A'] },
    // This volume has two segments, on two disks.
    { name: 'data-1', sizeBytes: 40 * MIB },
    { name: 'empty', sizeBytes: 4 * MIB },
  ],
};

test('lvm2 accepts a volume group of three disks, and changes it', async () => {
  const group = encodeVolumeGroup(REQUEST);
  const contents = { A_root: noise(8 * MIB, 1), 'data-1': noise(40 * MIB, 3) };
  const names = ['one', 'two', 'three'];
  writeGroup(
    group,
    names.map((name, index) => disks.create(name, group.physicalVolumes[index]?.sizeBytes ?? 0)),
    contents,
  );
  expect(group.logicalVolumes.find(({ name }) => name === 'data-1')?.ranges.length).toBe(2);
  const before = readVolumeGroup(names.map((name) => disks.open(name)));
  const digests = ['A_root', 'data-1'].map((name) => sha256(openLogicalVolume(before, name)));
  expect(before.problems).toEqual([]);

  const report = '--noheadings --separator , --units b --nosuffix';
  const output = await disks.lvm(
    names,
    `
    for disk in a b c; do lvm pvck /dev/ubd$disk >/dev/null; done
    lvm vgck host-lvm
    lvm pvs ${report} -o pv_name,pv_uuid,pe_start,pv_mda_count,pv_pe_count,pv_pe_alloc_count,pv_tags
    lvm vgs ${report} -o vg_name,vg_uuid,vg_attr,vg_seqno,vg_extent_size,vg_mda_count,vg_tags
    lvm lvs ${report} -o lv_name,lv_uuid,lv_size,seg_count,lv_tags
    lvm vgchange -ay -q host-lvm >/dev/null
    tool dmsetup table | sort
    sha256sum </dev/host-lvm/A_root | cut -c1-64
    sha256sum </dev/host-lvm/data-1 | cut -c1-64
    lvm lvextend -q -L +8M host-lvm/A_root >/dev/null
    lvm lvcreate -q -Wn -Zn -L 4M -n more host-lvm >/dev/null
    lvm lvremove -q -f host-lvm/empty >/dev/null
    sha256sum </dev/host-lvm/data-1 >/dev/host-lvm/more
    lvm vgchange -an -q host-lvm >/dev/null
    lvm vgrename -q host-lvm renamed >/dev/null
    lvm vgck renamed
    lvm lvs ${report} -o lv_name,lv_uuid,lv_size,seg_count,lv_tags
  `,
  );
  const [uuids, volumes] = [group.group.physicalVolumes, group.group.logicalVolumes].map((list) =>
    list.map(({ uuid }) => uuid),
  );
  const lines = trimmed(output);
  expect(lines).toEqual([
    `/dev/ubda,eu0VQE-HlTi-EyRc-GceP-xZtn-3j6t-iqEwyv,${MIB},2,9,9,first`,
    `/dev/ubdb,${uuids?.[1]},${MIB},1,8,4,`,
    `/dev/ubdc,${uuids?.[2]},${4 * MIB},0,3,0,`,
    `host-lvm,4c7GVZ-Df82-QEcJ-xXtV-JgRL-IjLE-hK0FgA,wz--n-,1,${4 * MIB},3,a=b,icos`,
    `A_root,${volumes?.[0]},${8 * MIB},1,A`,
    `data-1,${volumes?.[1]},${40 * MIB},2,`,
    `empty,${volumes?.[2]},${4 * MIB},1,`,
    'host--lvm-A_root: 0 16384 linear 98:0 2048',
    'host--lvm-data--1: 0 57344 linear 98:0 18432',
    'host--lvm-data--1: 57344 24576 linear 98:16 2048',
    'host--lvm-empty: 0 8192 linear 98:16 26624',
    ...digests,
    `A_root,${volumes?.[0]},${16 * MIB},2,A`,
    `data-1,${volumes?.[1]},${40 * MIB},2,`,
    expect.stringMatching(/^more,.*,4194304,1,$/),
  ]);

  const after = readVolumeGroup(names.map((name) => disks.open(name)));
  expect(after.problems).toEqual([]);
  expect(after.group.name).toBe('renamed');
  expect(after.group.sequenceNumber).toBeGreaterThan(3);
  expect(after.group.logicalVolumes.map(({ name }) => name)).toEqual(['A_root', 'data-1', 'more']);
  expect(sha256(openLogicalVolume(after, 'data-1'))).toBe(digests[1]);
  const grown = openLogicalVolume(after, 'A_root');
  expect(grown.sizeBytes).toBe(16 * MIB);
  expect(Buffer.from(grown.read(0, 8 * MIB)).equals(contents.A_root)).toBe(true);
  expect(Buffer.from(openLogicalVolume(after, 'more').read(0, 64)).toString()).toBe(digests[1]);
});

test('lvm2 and the reader find the second copy of the metadata if the first one is destroyed', async () => {
  const request = { ...REQUEST, physicalVolumes: REQUEST.physicalVolumes.slice(0, 1), logicalVolumes: [] };
  const vgs = 'lvm vgs --noheadings -o vg_name,vg_uuid';
  const shown = 'host-lvm 4c7GVZ-Df82-QEcJ-xXtV-JgRL-IjLE-hK0FgA';
  const damaged = async (offsetBytes: number, problem: string, script: string): Promise<string[]> => {
    const image = disks.create('damaged', 40 * MIB);
    writeGroup(encodeVolumeGroup(request), [image]);
    image.write(offsetBytes, noise(4096));
    const before = readVolumeGroup([disks.open('damaged')]);
    expect(before.group.name).toBe('host-lvm');
    expect(before.problems).toEqual([expect.stringContaining(problem)]);
    return trimmed(await disks.lvm(['damaged'], script));
  };
  const header = 'damaged: metadata area at byte 4096: no metadata header: its magic is missing';
  expect(await damaged(4096, header, vgs)).toContain(shown);

  const repair = `${vgs}; lvm vgck --updatemetadata host-lvm >/dev/null; lvm pvck /dev/ubda >/dev/null`;
  const text = "damaged: metadata area at byte 4096: the text's checksum is 0x";
  expect(await damaged(4608, text, repair)).toContain(shown);
  const repaired = readVolumeGroup([disks.open('damaged')]);
  expect(repaired.problems).toEqual([]);
  expect(repaired.group.sequenceNumber).toBeGreaterThan(1);
});

test('the ring of metadata wraps many times as the real tools write it, and each text is read', async () => {
  // The smallest area that lvm2 makes is eight pages.
  const dataStartBytes = 36864;
  const request = {
    ...REQUEST,
    physicalVolumes: [{ sizeBytes: 16 * MIB, dataStartBytes }],
    logicalVolumes: [{ name: 'a', sizeBytes: 4 * MIB }],
  };
  writeGroup(encodeVolumeGroup(request), [disks.create('ring', 16 * MIB)]);
  const output = await disks.lvm(
    ['ring'],
    `
    tags=
    for tag in 0 1 2 3 4 5 6 7 8 9; do tags="$tags --addtag a-tag-that-takes-some-room-and-has-the-number-$tag"; done
    lvm vgchange -q $tags host-lvm >/dev/null
    name=a
    for change in $(seq 40); do
      lvm lvrename -q host-lvm $name name-$change >/dev/null
      name=name-$change
      dd if=/dev/ubda bs=${dataStartBytes} count=1 2>/dev/null | base64 | tr -d '\\n'
      echo
    done
  `,
  );
  const heads = trimmed(output);
  expect(heads.length).toBe(40);
  let wrapped = 0;
  for (const [index, head] of heads.entries()) {
    const bytes = Buffer.from(head, 'base64');
    const source = new MemoryImage(16 * MIB);
    source.write(0, bytes);
    const { group, problems } = readVolumeGroup([{ name: 'ring', source }]);
    expect(problems).toEqual([]);
    expect(group.sequenceNumber).toBe(index + 3);
    expect(group.logicalVolumes.map(({ name }) => name)).toEqual([`name-${index + 1}`]);
    const area = { offsetBytes: 4096, sizeBytes: dataStartBytes - 4096 };
    const { text } = decodeMetadataAreaHeader(bytes.subarray(4096, 4096 + MDA_HEADER_BYTES), area, 'ring');
    if (text !== undefined && text.offsetBytes + text.sizeBytes > area.sizeBytes) wrapped++;
  }
  expect(wrapped).toBeGreaterThan(0);
});

test('the reader reads extended and striped volumes of lvm2, and refuses any other type by name', async () => {
  const names = ['made-1', 'made-2'];
  for (const name of names) disks.create(name, 48 * MIB);
  const output = await disks.lvm(
    names,
    `
    lvm pvcreate -q --metadatacopies 2 --setphysicalvolumesize 40m --yes /dev/ubda >/dev/null
    lvm pvcreate -q --dataalignment 3m /dev/ubdb >/dev/null
    lvm vgcreate -q -s 1m --addtag made made /dev/ubda /dev/ubdb >/dev/null
    lvm lvcreate -q -Wn -Zn -L 3M -n linear made >/dev/null
    lvm lvcreate -q -Wn -Zn -L 1M -n between made >/dev/null
    lvm lvextend -q -L +9M made/linear >/dev/null
    lvm lvcreate -q -Wn -Zn -i 2 -I 64k -L 16M -n striped made >/dev/null
    lvm lvcreate -q --type error -L 4M -n broken made >/dev/null
    lvm lvchange -q --addtag 'one' --addtag two made/striped >/dev/null
    for name in linear striped; do
      dd if=/dev/urandom of=/dev/made/$name bs=1M 2>/dev/null || true
      sha256sum </dev/made/$name | cut -c1-64
    done
    lvm lvs --noheadings --separator , --units b --nosuffix -o lv_name,lv_uuid,lv_size,seg_count made
    lvm vgchange -q -an made >/dev/null
  `,
  );
  const lines = trimmed(output);
  const found = readVolumeGroup(names.map((name) => disks.open(name)));
  expect(found.problems).toEqual([]);
  expect(found.group.tags).toEqual(['made']);
  expect(found.group.extentBytes).toBe(MIB);
  expect(found.group.logicalVolumes.find(({ name }) => name === 'striped')?.tags.toSorted()).toEqual([
    'one',
    'two',
  ]);
  expect(['linear', 'striped'].map((name) => sha256(openLogicalVolume(found, name)))).toEqual(
    lines.slice(0, 2),
  );
  const listed = found.group.logicalVolumes.map(({ name, uuid, segments }) => {
    const extents = segments.reduce((sum, { extentCount }) => sum + extentCount, 0);
    return [name, uuid, extents * MIB, segments.length].join();
  });
  expect(listed.toSorted()).toEqual([...new Set(lines.slice(2))].toSorted());
  expect(() => openLogicalVolume(found, 'broken')).toThrow(UserError);
  expect(() => openLogicalVolume(found, 'broken')).toThrow(/"broken" of "made": .* of the type error/);

  const half = readVolumeGroup([disks.open('made-2')]);
  expect(half.problems).toEqual([expect.stringMatching(/^volume group "made": pv0 \(.*\) is missing$/)]);
  expect(() => openLogicalVolume(half, 'striped')).toThrow(/is on pv0 .* which is missing/);
});

test('the writer accepts and refuses the same names, tags and extent sizes as lvm2', async () => {
  const names = [
    'a',
    'A_root',
    '0',
    '.a',
    '..',
    '.',
    '-a',
    'a-',
    'a--b',
    'a+b',
    'a b',
    'a:b',
    'a@b',
    'ä',
    'a.b_c',
  ];
  names.push(
    'snapshot',
    'snapshots',
    'pvmove',
    'a_tdata',
    'a_tmeta_b',
    'mimage',
    'a_mimage',
    'a_rmeta_0',
    'x_pmspare',
  );
  names.push('x'.repeat(120), 'x'.repeat(127), 'x'.repeat(128));
  const tags = ['a', 'a=b', 'a b', 'a/b', 'a:b!&#', '-a', 'ä', 'a,b', 't'.repeat(1024)];
  const sizes = [4096, 8192, 12288, 131072, 393216, 400 * 1024, 1 << 20, 3 << 20];
  disks.create('sizes', 16 * MIB);
  const request = { ...REQUEST, name: 'vg', physicalVolumes: [{ sizeBytes: 16 * MIB }], logicalVolumes: [] };
  writeGroup(encodeVolumeGroup(request), [disks.create('names', 16 * MIB)]);
  const lists = { '/volumes': names, '/tags': tags, '/sizes': sizes.map((size) => `${size}b`) };
  const files = Object.fromEntries(
    Object.entries(lists).map(([path, list]) => [path, list.map((item) => `${item}\n`).join('')]),
  );
  const output = await disks.lvm(
    ['names', 'sizes'],
    `
    accepts() { "$@" >/dev/null 2>&1 && echo yes || echo no; }
    lvm pvcreate -q /dev/ubdb >/dev/null
    while IFS= read -r name; do accepts lvm lvcreate --test -Wn -Zn -l 1 -n "$name" vg </dev/null; done </volumes
    while IFS= read -r name; do accepts lvm vgcreate --test -- "$name" /dev/ubdb </dev/null; done </volumes
    while IFS= read -r tag; do accepts lvm vgchange --test --addtag="$tag" vg </dev/null; done </tags
    while IFS= read -r size; do accepts lvm vgcreate --test -s "$size" other /dev/ubdb </dev/null; done </sizes
  `,
    files,
  );
  const ours = (request: Partial<Parameters<typeof encodeVolumeGroup>[0]>): string => {
    try {
      const volumes = { physicalVolumes: [{ sizeBytes: 64 * MIB }], logicalVolumes: [] };
      encodeVolumeGroup({ name: 'vg', identity: '//a:b', ...volumes, ...request });
      return 'yes';
    } catch (error) {
      expect(error).toBeInstanceOf(UserError);
      return 'no';
    }
  };
  const expected = [
    ...names.map((name) => [`volume ${name}`, ours({ logicalVolumes: [{ name, sizeBytes: 4 * MIB }] })]),
    ...names.map((name) => [`group ${name}`, ours({ name })]),
    ...tags.map((tag) => [`tag ${tag}`, ours({ tags: [tag] })]),
    ...sizes.map((extentBytes) => [`extents ${extentBytes}`, ours({ extentBytes })]),
  ];
  const theirs = trimmed(output);
  expect(theirs.length).toBe(expected.length);
  expect(expected.map(([what], index) => [what, theirs[index]])).toEqual(expected);
});
