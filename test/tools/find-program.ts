/** Where a program is on this machine. vitest.config.ts asks, so this imports nothing of the tests. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Path of the first of these names that is a program on the path, or in one of `moreFolders`; null: there is none. */
export function findProgram(
  names: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  moreFolders: readonly string[] = [],
): string | null {
  const folders = [...(env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''), ...moreFolders];
  const paths = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  return paths.find(isProgram) ?? null;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
