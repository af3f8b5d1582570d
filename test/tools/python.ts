/** Virtual environments of Python in the user's cache, and single programs out of the Python package index. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastLine, runCommand } from '@unet-fleet/install';
import { exitCodes, UserError } from '@unet-fleet/law';
import { cacheFolder } from '@unet-fleet/shared';
import { findProgram } from './find-program.ts';
import { pythonWithVenv } from './known.ts';
import { once } from './once.ts';
import type { Tell, Tool } from './tool.ts';

/**
 * A virtual environment with what these arguments of `pip install` name, made where it is not there.
 * @throws UserError where Python, pip or the packages can't be had
 */
export function makeEnvironment(
  folder: string,
  what: string,
  wanted: readonly string[],
  tell: Tell,
  finish: (temporary: string) => void = () => {},
): Promise<string> {
  const run = async (python: string, args: readonly string[]) => {
    const missing = `${what} needs python3, which is not on PATH`;
    const { exitCode, stderr } = await runCommand(python, args, { missing });
    if (exitCode === 0) return;
    throw new UserError(`${what} can't be installed (${lastLine(stderr)})`, exitCodes.unavailable);
  };
  return once(folder, tell, async (temporary) => {
    tell(`installing ${what} into ${folder}, once`);
    await run('python3', ['-m', 'venv', temporary]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary', ':all:'];
    await run(join(temporary, 'bin', 'python'), [...pip, ...wanted]);
    finish(temporary);
  });
}

/**
 * A program on the path, or else out of a package of the index. One that is a script is started by its module: the
 * script that pip writes names the folder of before it got its name.
 */
export function pythonProgram(name: string, why: string, requirement: string, module?: string): Tool {
  const folder = (): string => join(cacheFolder(), 'python', requirement.replace('==', '-'));
  const pathIn = (environment: string): string => join(environment, 'bin', name);
  const finish = (environment: string): void => {
    if (module === undefined) return;
    const script = `#!/bin/sh\nexec "$(dirname "$0")/python" -m ${module} "$@"\n`;
    writeFileSync(pathIn(environment), script, { mode: 0o755 });
  };
  return {
    name,
    why,
    remedy: `apt-get install python3-venv, which brings it into the cache, or pip install ${requirement}`,
    packages: ['python3', 'python3-venv'],
    find: () => findProgram([name]) ?? (existsSync(pathIn(folder())) ? pathIn(folder()) : null),
    fetch: {
      by: [pythonWithVenv(name, [3, 9])],
      run: async (tell) => pathIn(await makeEnvironment(folder(), name, [requirement], tell, finish)),
    },
  };
}
