import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LayerBuilder } from '../../lib/image/layer/builder.ts';
import { Spool } from '../../lib/image/layer/spool.ts';
import type { LayerItem } from '../../lib/image/layer/writer.ts';
import { buildDeb, type Sample } from '../../lib/testing/deb/sample-deb.ts';
import { openPackages } from '../binary-package.ts';
import { addDatabase } from '../database.ts';
import { PathFilter } from '../path-filter.ts';
import { type UnpackedPackage, Unpacker } from '../unpack.ts';

/** A set of packages on disk, for one test. */
export class TestSet {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'apt-base-test-'));
  readonly files: string[] = [];

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true });
  }

  /** Builds a package with dpkg-deb. */
  add(sample: Sample): string {
    return this.addBytes(buildDeb(sample));
  }

  addBytes(bytes: Uint8Array): string {
    const file = join(this.directory, `${this.files.length}.deb`);
    writeFileSync(file, bytes);
    this.files.push(file);
    return file;
  }

  /** Unpacks all of them, with the package database. */
  async unpack(filter = new PathFilter([], [])): Promise<UnpackedTree> {
    const builder = new LayerBuilder(new Spool(join(this.directory, 'spool')));
    const unpacker = new Unpacker(builder, filter);
    const packages: UnpackedPackage[] = [];
    for (const binary of await openPackages(this.files)) packages.push(await unpacker.unpack(binary));
    addDatabase(builder, packages);
    return new UnpackedTree(packages, builder.items());
  }
}

/** The result of unpacking. */
export class UnpackedTree {
  readonly packages: readonly UnpackedPackage[];
  readonly #items = new Map<string, LayerItem & { readonly kind: 'entry' }>();

  constructor(packages: readonly UnpackedPackage[], items: readonly LayerItem[]) {
    this.packages = packages;
    for (const item of items) if (item.kind === 'entry') this.#items.set(item.entry.path, item);
  }

  /** Every path outside the package database. */
  get paths(): string[] {
    return [...this.#items.keys()].filter((path) => !/^var(\/lib(\/dpkg.*)?)?$/.test(path) && path !== '');
  }

  /** Describes an entry as `TYPE MODE`, followed by the target of a link. */
  describe(path: string): string | undefined {
    const entry = this.#items.get(path)?.entry;
    if (entry === undefined) return undefined;
    const target = 'target' in entry ? ` ${entry.target}` : '';
    return `${entry.type} ${entry.mode.toString(8)}${target}`;
  }

  async text(path: string): Promise<string | undefined> {
    const content = this.#items.get(path)?.content;
    if (content === undefined) return this.#items.has(path) ? '' : undefined;
    const chunks: Uint8Array[] = [];
    for await (const chunk of content instanceof Uint8Array ? [content] : content()) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }
}
