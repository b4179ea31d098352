import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BlockSource } from '../../../tools/lib/formats/block/block.ts';
import { readNewc } from '../../../tools/lib/formats/cpio/read.ts';
import { Deb } from '../../../tools/lib/formats/deb/deb.ts';
import { gzipDecompressStream } from '../../../tools/lib/formats/gzip/decompress.ts';
import { readTarSync } from '../../../tools/lib/formats/tar/reader.ts';
import { xzDecompressStream } from '../../../tools/lib/formats/xz/xz.ts';
import { zstdFrame } from '../../../tools/lib/formats/zstd/compress.ts';
import { zstdDecompressStream } from '../../../tools/lib/formats/zstd/decompress.ts';
import { readContent } from '../../../tools/lib/image/layer/content.ts';
import { mergeLayers } from '../../../tools/lib/image/layer/merge.ts';
import { openLayer } from '../../../tools/lib/image/layer/reader.ts';
import { buildDeb, controlText } from '../../../tools/lib/testing/deb/sample-deb.ts';
import { realTool } from '../../../tools/lib/testing/real-tool.ts';
import { seedOf } from '../mutate.ts';
import { ContentMeter, checkEntry, type Target } from '../target.ts';
import { makeSampleFolder, run } from './sample-folder.ts';

const CHUNK_BYTES = 10_007;

function* chunks(source: BlockSource): Generator<Uint8Array> {
  for (let offset = 0; offset < source.sizeBytes; offset += CHUNK_BYTES) {
    yield source.read(offset, Math.min(CHUNK_BYTES, source.sizeBytes - offset));
  }
}

async function readStream(stream: AsyncIterable<Uint8Array>): Promise<void> {
  const meter = new ContentMeter();
  for await (const piece of stream) if (!meter.take(piece)) break;
}

const GNU_TAR_FORMATS = ['v7', 'oldgnu', 'gnu', 'ustar', 'posix'];
const SPARSE_VERSIONS = ['0.0', '0.1', '1.0'];

function tarSeeds(folder: string) {
  const tree = makeSampleFolder(folder);
  const options = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '-C', tree];
  const archive = (name: string, more: readonly string[]) => {
    const path = join(folder, `${name}.tar`);
    // The oldest formats cannot store long names: tar omits them, and its exit status reports it.
    const tool = realTool('tar', 'tar');
    try {
      execFileSync(tool, ['-cf', path, ...more, ...options, '.'], { stdio: 'pipe' });
    } catch (error) {
      if (!name.startsWith('v7') && !name.startsWith('ustar')) throw error;
    }
    return seedOf(name, readFileSync(path));
  };
  return [
    ...GNU_TAR_FORMATS.map((format) => archive(format, [`--format=${format}`])),
    ...SPARSE_VERSIONS.map((version) =>
      archive(`sparse ${version}`, [
        '--format=posix',
        '--sparse',
        '--hole-detection=raw',
        `--sparse-version=${version}`,
      ]),
    ),
    archive('sparse gnu', ['--format=gnu', '--sparse', '--hole-detection=raw']),
  ];
}

function readTarEvents(source: BlockSource): void {
  const meter = new ContentMeter();
  for (const event of readTarSync(chunks(source), 'archive')) {
    if (event.kind === 'data') meter.take(event.bytes);
    else checkEntry(event.entry);
  }
}

/** Makes a layer with the real tar, in the form of our writer: sorted, numeric owners, frames. */
async function layerSeeds(folder: string) {
  const tree = makeSampleFolder(folder);
  const names = (readdirSync(tree, { recursive: true }) as string[]).sort();
  const path = join(folder, 'layer.tar');
  writeFileSync(join(folder, 'names'), names.join('\n'));
  const options = [
    '--format=posix',
    '--no-recursion',
    '--mtime=@0',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
  ];
  const pax = '--pax-option=delete=atime,delete=ctime';
  run('tar', 'tar', ['-cf', path, ...options, pax, '-C', tree, '-T', join(folder, 'names')]);
  const tar = readFileSync(path);
  const frames: Uint8Array[] = [];
  for (let offset = 0; offset < tar.length; offset += 1 << 16)
    frames.push(await zstdFrame(tar.subarray(offset, offset + (1 << 16))));
  return [seedOf('layer', Buffer.concat(frames))];
}

export const ARCHIVES: readonly Target[] = [
  { name: 'tar', seeds: tarSeeds, read: readTarEvents },
  {
    name: 'layer',
    seeds: layerSeeds,
    async read(source) {
      const meter = new ContentMeter();
      const tree = await mergeLayers([openLayer(source, 'layer')]);
      for (const { entry, inode } of tree.entries()) {
        checkEntry(entry);
        if (entry.type !== 'file') continue;
        for await (const piece of readContent(inode)) if (!meter.take(piece)) break;
      }
    },
  },
  {
    name: 'cpio',
    seeds(folder) {
      const tree = makeSampleFolder(folder);
      const names = ['.', ...(readdirSync(tree, { recursive: true }) as string[]).sort()].join('\n');
      const archive = execFileSync(realTool('cpio', 'cpio'), ['-o', '-H', 'newc', '--quiet'], {
        cwd: tree,
        input: names,
      });
      return [seedOf('newc', archive)];
    },
    read(source) {
      const meter = new ContentMeter();
      for (const { entry, content } of readNewc(source.read(0, source.sizeBytes))) {
        checkEntry(entry);
        meter.take(content.subarray(0, 1));
      }
    },
  },
  {
    name: 'deb',
    seeds: () =>
      ['none', 'gzip', 'xz', 'zstd'].map((compression) => {
        const sample = {
          control: { control: controlText('sample'), postinst: '#!/bin/sh\n', conffiles: '/etc/sample\n' },
          files: { 'etc/sample': 'a=1\n', 'usr/share/sample/data': 'x'.repeat(9000) },
          compression,
        };
        return seedOf(compression, buildDeb(sample));
      }),
    async read(source) {
      const deb = new Deb(source, 'sample.deb');
      await deb.controlFiles();
      for await (const { entry } of deb.dataFiles()) checkEntry(entry);
    },
  },
  {
    name: 'zstd',
    seeds: async () => [
      seedOf(
        'frames',
        Buffer.concat([await zstdFrame(Buffer.alloc(70_000, 'frame')), await zstdFrame(Buffer.alloc(9, 1))]),
      ),
    ],
    read: (source) => readStream(zstdDecompressStream(chunks(source), 'file')),
  },
  {
    name: 'gzip',
    seeds(folder) {
      const path = join(folder, 'plain');
      writeFileSync(path, Buffer.alloc(70_000, 'member'));
      const member = execFileSync(realTool('gzip', 'gzip'), ['-c', path]);
      return [seedOf('members', Buffer.concat([member, member]))];
    },
    read: (source) => readStream(gzipDecompressStream(chunks(source), 'file')),
  },
  {
    name: 'xz',
    seeds: () => [
      seedOf(
        'stream',
        execFileSync(realTool('xz', 'xz-utils'), ['-c'], { input: Buffer.alloc(70_000, 'stream') }),
      ),
    ],
    read: (source) => readStream(xzDecompressStream(chunks(source), 'file')),
  },
];
