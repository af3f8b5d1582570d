import { configDefaults, defineConfig } from 'vitest/config';
import { findChromium } from './test/browser/find-chromium.ts';
import { findPromtool } from './test/helpers/promtool.ts';

/** What the tests use where the machine has it. .ci/run wants all: what it leaves out unseen is as good as not tested. */
const tools = [
  {
    name: 'Chromium',
    tests: 'test/browser/**/*.test.ts',
    path: findChromium(),
    required: 'UNET_FLEET_REQUIRE_BROWSER',
    remedy: 'install chromium, or name one in CHROMIUM_PATH',
  },
  {
    name: 'promtool',
    tests: 'test/promtool.test.ts',
    path: findPromtool(),
    required: 'UNET_FLEET_REQUIRE_PROMTOOL',
    remedy: 'install prometheus, or name its promtool in PROMTOOL_PATH',
  },
];
const missing = tools.filter(({ path }) => path === null);
for (const { name, tests, required, remedy } of missing) {
  if (process.env[required] === '1') throw new Error(`no ${name} on this machine: ${remedy}`);
  console.warn(`Left out: ${tests}, for there is no ${name} here (${remedy})`);
}

const units = ['packages/*/{src,page/src}/**/*.test.ts'];
/** Units that need a process of their own: TensorFlow and the command line are the process's, and a mock of Node stays. */
const ofTheirOwn = ['packages/{cli,worker}/src/**/*.test.ts', 'packages/shared/src/cache.test.ts'];

// Unit tests sit beside their source and import it directly; whatever crosses packages, starts a thread or a
// process imports the built packages, so `test` builds first. Two cores: two files at a time.
const common = {
  setupFiles: ['test/helpers/before-each-file.ts'],
  pool: 'forks',
  maxConcurrency: 2,
  testTimeout: 60_000,
  hookTimeout: 120_000,
} as const;
const leftOut = [...configDefaults.exclude, ...missing.map(({ tests }) => tests)];

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      // One process after the other runs all of them: what they import is loaded once.
      {
        test: {
          ...common,
          name: 'units',
          include: units,
          exclude: [...leftOut, ...ofTheirOwn],
          isolate: false,
        },
      },
      {
        test: {
          ...common,
          name: 'processes',
          include: ['test/**/*.test.ts', ...ofTheirOwn],
          exclude: leftOut,
        },
      },
    ],
  },
});
