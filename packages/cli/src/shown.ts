/** How a path is written for a person. */
import { relative } from 'node:path';
import type { Io } from './io.ts';

/** Relative to where the command was run, when it lies below. */
export function shown(path: string, { cwd }: Io): string {
  const below = relative(cwd, path);
  return below === '' || below.startsWith('..') ? path : below;
}
