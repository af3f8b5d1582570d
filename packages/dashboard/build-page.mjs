/** Bundles the live page into dist/page. Does nothing when that is newer than all that it is made of. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
/** What the page has of other packages. */
const others = ['../law/src', '../pictures/src/models'].map((folder) => join(root, folder));

const filesUnder = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
const sources = [
  ...filesUnder(join(root, 'page')),
  ...filesUnder(join(root, 'src')),
  ...others.flatMap(filesUnder),
  join(root, 'package.json'),
  fileURLToPath(import.meta.url),
];
const newestSourceMs = Math.max(...sources.map((file) => statSync(file).mtimeMs));
const built = join(root, 'dist/page/index.html');

if (!existsSync(built) || statSync(built).mtimeMs < newestSourceMs) {
  const { build } = await import('vite');
  await build({ configFile: join(root, 'page/vite.config.js'), logLevel: 'warn' });
}
