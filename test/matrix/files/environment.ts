/**
 * The matrix's own Python: a virtual environment in the user's cache, made once for each list of versions. Versions are
 * pinned; hashes are not, as each platform and Python has wheels of its own.
 */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder, makeAtomically, UserError } from '@unet-fleet/shared';

export const pythonFolder = fileURLToPath(new URL('../../../matrix/files/python/', import.meta.url));

/** Path of the interpreter. Throws a UserError where Python, pip or the packages can't be had. */
export async function pythonWithReaders(tell: (text: string) => void): Promise<string> {
  const requirements = join(pythonFolder, 'requirements.txt');
  const version = outputOf(['-c', 'import sys; print("%d.%d" % sys.version_info[:2])']);
  const key = createHash('sha256')
    .update(readFileSync(requirements))
    .update(version)
    .digest('hex')
    .slice(0, 12);
  const folder = join(cacheFolder(), 'file-matrix', key);
  const python = join(folder, 'bin', 'python');
  if (existsSync(python)) return python;
  tell(`making a Python environment in ${folder} (once; about 400 MB)`);
  await makeAtomically(folder, async (temporary) => {
    outputOf(['-m', 'venv', temporary]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary', ':all:'];
    outputOf([...pip, '--requirement', requirements], join(temporary, 'bin', 'python'));
  });
  return python;
}

function outputOf(args: string[], python = 'python3'): string {
  try {
    return execFileSync(python, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: string };
    if (code === 'ENOENT') throw new UserError('the file matrix needs python3, which is not installed.');
    const last = stderr?.trim().split('\n').at(-1) ?? String(error);
    throw new UserError(`the file matrix needs Python 3.11 or newer with venv and pip: ${last}`);
  }
}
