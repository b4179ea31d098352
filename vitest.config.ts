import { defineConfig } from 'vitest/config';

/**
 * These look at what Bazel has built, or start it themselves: only `tools/bazel test` can run them.
 */
const BAZEL_ONLY = [
  'test/conformance/debian-root.test.ts',
  'test/consumer_test/**',
  'test/fuzz/nightly.test.ts',
  'test/icos-image/**',
  'test/reproducibility/**',
];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['bench/**/*.test.ts', 'tools/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: process.env['VITEST_TEST'] === undefined ? BAZEL_ONLY : [],
          testTimeout: 120_000,
        },
      },
    ],
  },
});
