/**
 * Folders that the tests of a file made, and that go with it. A setup file calls it before each: helpers that many files
 * share are loaded once for all of them, so what they would register themselves would hold for the first file alone.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const made: string[] = [];

/** A new folder below the system's temporary one, removed after the last test of the file. */
export function madeFolder(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  made.push(folder);
  return folder;
}

/** Called by the setup file. */
export function removeMadeFolders(): void {
  afterAll(() => {
    for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
  });
}
