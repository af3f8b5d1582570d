/**
 * The matrix's own Python: a virtual environment in the user's cache, made once for each list of versions. Versions are
 * pinned; hashes are not, as each platform and Python has wheels of its own.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from '@unet-fleet/shared';
import { pythonWithVenv } from '../../tools/known.ts';
import { makeEnvironment } from '../../tools/python.ts';
import type { Tell, Tool } from '../../tools/tool.ts';

export const pythonFolder = fileURLToPath(new URL('../../../matrix/files/python/', import.meta.url));
const requirements = join(pythonFolder, 'requirements.txt');

const why = 'the independent readers';
const python = pythonWithVenv(why, [3, 11]);

/** The interpreter that has the readers. */
export const pythonWithReaders: Tool = {
  ...python,
  find: () => {
    const folder = environmentFolder();
    return folder !== null && existsSync(interpreterIn(folder)) ? interpreterIn(folder) : null;
  },
  fetch: { by: [python], run: make },
};

const interpreterIn = (folder: string): string => join(folder, 'bin', 'python');

/** Of this Python and these versions; null where there is no Python. */
function environmentFolder(): string | null {
  const version = spawnSync('python3', ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], {
    encoding: 'utf8',
  });
  if (version.status !== 0) return null;
  const hash = createHash('sha256').update(readFileSync(requirements)).update(version.stdout.trim());
  return join(cacheFolder(), 'file-matrix', hash.digest('hex').slice(0, 12));
}

async function make(tell: Tell): Promise<string> {
  const what = 'the independent readers (about 400 MB)';
  return interpreterIn(
    await makeEnvironment(environmentFolder()!, what, ['--requirement', requirements], tell),
  );
}
