/** How files of a credentials folder are written over. */
import { renameSync, writeFileSync } from 'node:fs';

/** Whole or as before, also when the process is killed. */
export function replaceFile(path: string, text: string, mode: number): void {
  const unfinished = `${path}.unfinished`;
  writeFileSync(unfinished, text, { mode });
  renameSync(unfinished, path);
}
