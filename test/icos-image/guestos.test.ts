/** Tests that the output of icos-image on a GuestOS image matches its image.json. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lines, run } from '../../tools/icos-image/testing/workbench.ts';
import type { ImageEntry, ImageManifest } from '../../tools/lib/image/manifest/manifest.ts';

const ENVIRONMENTS = join(import.meta.dirname, '../../ic-os/guestos/envs');

function built(variant: 'dev' | 'prod', file: string): string {
  return join(ENVIRONMENTS, variant, file);
}

function manifest(variant: 'dev' | 'prod'): ImageManifest {
  return JSON.parse(readFileSync(built(variant, 'image.json'), 'utf8')) as ImageManifest;
}

const DISK = built('dev', 'disk-img.tar.zst');
const dev = manifest('dev');

function entriesOf({ entries }: ImageManifest, partition: string): Map<string, ImageEntry> {
  return new Map(entries.filter((each) => each.partition === partition).map((each) => [each.path, each]));
}

describe('the GuestOS disk', () => {
  test('has the partitions of its manifest, according to inspect', async () => {
    const report = JSON.parse((await lines('inspect', '--json', DISK)).join('\n'));
    const parts = new Map(report.content.parts.map((part: { name: string }) => [part.name, part]));
    for (const { name, fileSystem, verity } of dev.partitions) {
      const { label, uuid } = fileSystem as { label: string; uuid: string };
      const content = { facts: { label, uuid }, ...(verity === undefined ? {} : { verity }) };
      expect(parts.get(name), name).toMatchObject({ content });
    }
  });

  test('has the entries of its manifest, according to ls', async () => {
    for (const { name } of dev.partitions) {
      const found = new Set<string>();
      let directory = '';
      for (const line of await lines('ls', '-R', DISK, `${name}:/`)) {
        const heading = line.startsWith(`${name}:/`) ? line.slice(name.length + 1, -1) : undefined;
        if (heading !== undefined) directory = heading === '/' ? '' : heading;
        else if (line !== '') found.add(`${directory}/${line}`);
      }
      found.delete('/lost+found');
      const expected = new Set(entriesOf(dev, name).keys());
      expected.delete('/');
      expect(found, name).toEqual(expected);
    }
  });

  test('has files with the digests of its manifest, according to cat', async () => {
    const files = [...entriesOf(dev, 'A_root').values()].filter(({ type }) => type === 'file');
    for (const { path, sha256 } of files.filter((_, index) => index % 400 === 0)) {
      const { stdout } = await run('cat', DISK, `A_root:${path}`);
      expect(createHash('sha256').update(stdout).digest('hex'), path).toBe(sha256);
    }
  });

  test('passes verify with the root hash of its manifest', async () => {
    const root = dev.partitions.find(({ name }) => name === 'A_root')?.verity as { rootHash: string };
    const printed = await lines('verify', `--root-hash=${root.rootHash}`, DISK);
    expect(printed.every((line) => line.startsWith('ok '))).toBe(true);
    expect(printed[0]).toContain('disk-img.tar.zst.sha256');
  });

  test('does not differ from the gzip archive, according to diff', async () => {
    expect(await run('diff', DISK, built('dev', 'disk-img.tar.gz'))).toMatchObject({
      status: 0,
      error: undefined,
    });
  });

  test('differs from the production disk in exactly the entries in which their manifests differ', async () => {
    const prod = manifest('prod');
    const expected = { A: new Set<string>(), D: new Set<string>(), M: new Set<string>() };
    const compared = ({ type, mode, uid, gid, sha256, target, xattrs }: ImageEntry) =>
      JSON.stringify(type === 'hardlink' ? [type, target] : [type, mode, uid, gid, sha256, target, xattrs]);
    for (const { name } of dev.partitions) {
      const [older, newer] = [entriesOf(dev, name), entriesOf(prod, name)];
      for (const path of new Set([...older.keys(), ...newer.keys()])) {
        const [before, after] = [older.get(path), newer.get(path)];
        const address = `${name}:${path}`;
        if (before === undefined) expected.A.add(address);
        else if (after === undefined) expected.D.add(address);
        else if (compared(before) !== compared(after)) expected.M.add(address);
      }
    }
    const { status, stdout } = await run('diff', DISK, built('prod', 'disk-img.tar.zst'));
    expect(status).toBe(1);
    const found = { A: new Set<string>(), D: new Set<string>(), M: new Set<string>() };
    for (const line of stdout.toString().split('\n')) {
      const match = /^([ADM]) (\w+:\/.*?)(?: \(.*\))?$/.exec(line);
      if (match !== null) found[match[1] as 'A' | 'D' | 'M'].add(match[2] ?? '');
    }
    expect(found).toEqual(expected);
    expect(expected.D.size).toBeGreaterThan(0);
  });
});
