import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['tools/**/*.test.ts'],
          testTimeout: 120_000,
        },
      },
    ],
  },
});
