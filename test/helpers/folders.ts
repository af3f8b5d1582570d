/** Folders that a test may spoil, and a way to tell whether a command has changed one. */
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** A copy that may be spoiled. */
export function copyOf(folder: string, to: string): string {
  cpSync(folder, to, { recursive: true });
  return to;
}

/** Cuts a file to half of its length, as an interrupted download does. */
export const cutInHalf = (path: string): void => truncateSync(path, Math.floor(statSync(path).size / 2));

/** Replaces a file's content by bytes that are of no format. */
export const garble = (path: string): void =>
  writeFileSync(path, 'this is no picture and no matrix'.repeat(20));

/** Path and hash of every file below a folder; none if it is missing. */
export function contentOf(folder: string): Record<string, string> {
  if (!existsSync(folder)) return {};
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(
    paths.map((path) => [
      path.slice(folder.length + 1),
      createHash('sha256').update(readFileSync(path)).digest('hex'),
    ]),
  );
}
