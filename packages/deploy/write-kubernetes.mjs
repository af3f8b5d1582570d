/** Writes deploy/kubernetes anew, after `tsc -b`: base, overlays and the pod that data is copied in with. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { kustomizeFiles } from './dist/index.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = join(root, 'deploy/kubernetes');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
for (const part of ['base', 'overlays']) rmSync(join(folder, part), { recursive: true, force: true });
for (const [path, text] of kustomizeFiles(version)) {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}
