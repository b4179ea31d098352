import fc from 'fast-check';
import { expect, test } from 'vitest';
import { treeArbitrary } from '../../testing/entries/random-tree.ts';
import {
  expectedOf,
  fsckComplaints,
  ImageFolder,
  imageOf,
  readerOf,
  seenBy,
  tree,
} from '../../testing/erofs/erofs-image.ts';
import { noise, prose } from '../../testing/noise.ts';

const images = new ImageFolder();

const contentArbitrary = fc
  .tuple(
    fc.constantFrom('noise', 'prose', 'zeros'),
    fc.oneof(fc.nat({ max: 5000 }), fc.nat({ max: 300_000 })),
  )
  .map(([kind, size]) =>
    kind === 'noise' ? noise(size, size) : kind === 'prose' ? prose(size, size) : Buffer.alloc(size),
  );

const xattrValueArbitrary = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.constantFrom(1, 2000, 5000).map((size) => Uint8Array.from(noise(size))),
);

const compressionArbitrary = fc.option(
  fc.record({
    algorithm: fc.constantFrom('zstd', 'lz4'),
    level: fc.integer({ min: 1, max: 9 }),
    clusterBytes: fc.constantFrom(8192, 16_384, 65_536, 1 << 20),
  }),
  { nil: undefined },
);

test('fsck.erofs accepts the image of any tree, and our reader returns the tree', () => {
  try {
    fc.assert(
      fc.property(
        treeArbitrary({ content: contentArbitrary, xattrValue: xattrValueArbitrary }),
        compressionArbitrary,
        fc.boolean(),
        ({ entries, contents }, compression, inlineTails) => {
          const content = tree(entries, contents);
          const options = { compression, inlineTails };
          const bytes = imageOf(content, options);
          expect(seenBy(readerOf(bytes))).toEqual(expectedOf(content));
          expect(fsckComplaints(images.write(content, options))).toBe('');
        },
      ),
      { numRuns: 60 },
    );
  } finally {
    images.remove();
  }
});
