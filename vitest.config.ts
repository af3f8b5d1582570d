import { configDefaults, defineConfig } from 'vitest/config';
import { findChromium } from './test/browser/find-chromium.ts';

const browserTests = 'test/browser/**/*.test.ts';
const isWithoutBrowser = findChromium() === null;
if (isWithoutBrowser) {
  // .ci/run sets it: what continuous integration leaves out unseen is as good as not tested.
  if (process.env.UNET_FLEET_REQUIRE_BROWSER === '1') {
    throw new Error('no Chromium on this machine: install chromium, or name one in CHROMIUM_PATH');
  }
  console.warn(
    `Left out: ${browserTests}, for there is no Chromium here (install chromium, or set CHROMIUM_PATH)`,
  );
}

// Unit tests sit beside their source and import it directly; whatever crosses packages, starts a thread or a
// process imports the built packages, so `test` builds first. Two cores: one heavy file at a time.
export default defineConfig({
  test: {
    include: ['packages/*/{src,page/src}/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(isWithoutBrowser ? [browserTests] : [])],
    setupFiles: ['test/helpers/seed-properties.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
