/** The page as files that a server can hand out from any path: relative addresses, nothing inline, nothing from elsewhere. */
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../dist/page',
    emptyOutDir: true,
    // Inlined as data: addresses, pictures would need a looser content security policy.
    assetsInlineLimit: 0,
    modulePreload: false,
    // What is bundled goes along with its licences.
    license: { fileName: 'licences.md' },
  },
});
