import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { writeWholeFile } from '../lib/formats/block/write.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import { ENTRY_LIST } from '../lib/image/manifest/entries.ts';
import {
  Attribution,
  COMPONENT_LIST,
  formatManifest,
  imageEntries,
  PACKAGE_LIST,
  type PartitionRecord,
} from '../lib/image/manifest/manifest.ts';
import { readIndexFile } from '../lib/image/packed/file.ts';
import { LIST, nameValuePairs, readJson, required, runTool, TEXT } from '../lib/runtime/cli/cli.ts';

function readPartition(name: string, path: string): PartitionRecord {
  const { sizeBytes, sha256, fileSystem, verity } = readIndexFile(path);
  if (sha256 === undefined) {
    throw new UserError(`${path}: the digest of the partition is missing; pack it without --no-checksum`);
  }
  return {
    name,
    sizeBytes,
    sha256,
    ...(fileSystem === undefined ? {} : { fileSystem }),
    ...(verity === undefined ? {} : { verity }),
  };
}

/** Reads a checksum file in the format of sha256sum: `HEX  NAME`. */
function readChecksum(path: string): [string, string] {
  const match = /^([0-9a-f]{64}) {2}(\S+)\n$/.exec(readFileSync(path, 'utf8'));
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new UserError(`${path}: not a checksum file: expected one line "HEX  NAME"`);
  }
  return [match[2], match[1]];
}

await runTool(({ args, output }) => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      os: TEXT,
      variant: TEXT,
      'version-file': TEXT,
      output: TEXT,
      partition: LIST,
      entries: LIST,
      packages: LIST,
      components: LIST,
      checksum: LIST,
    },
  });
  const packages = values.packages.flatMap((path) => readJson(path, PACKAGE_LIST).packages);
  const components = values.components.flatMap((path) => readJson(path, COMPONENT_LIST).components);
  const attribution = new Attribution(packages, components);
  const text = formatManifest({
    formatVersion: 1,
    os: required(values.os, 'os'),
    variant: required(values.variant, 'variant'),
    version: readFileSync(required(values['version-file'], 'version-file'), 'utf8').trim(),
    notes: Object.fromEntries(
      components.flatMap(({ path, note }) => (note === undefined ? [] : [[path, note]])),
    ),
    archives: Object.fromEntries(values.checksum.map(readChecksum)),
    partitions: nameValuePairs(values.partition, 'partition').map(([name, path]) =>
      readPartition(name, path),
    ),
    packages: packages.map(({ files: _files, ...record }) => record),
    entries: nameValuePairs(values.entries, 'entries').flatMap(([name, path]) =>
      imageEntries(name, readJson(path, ENTRY_LIST), attribution),
    ),
  });
  writeWholeFile(output(required(values.output, 'output')), text);
});
