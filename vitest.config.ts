import { defineConfig } from 'vitest/config';

// Unit tests sit beside their source and import it directly; whatever crosses packages, starts a thread or a
// process imports the built packages, so `test` builds first. Two cores: one heavy file at a time.
export default defineConfig({
  test: {
    include: ['packages/*/{src,page/src}/**/*.test.ts', 'test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
