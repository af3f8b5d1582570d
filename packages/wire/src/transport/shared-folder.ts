/** Whether two processes share a folder on tmpfs: who can read the token in it is on the same host, in the same mounts. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Whether this process sees the very folder on tmpfs that the coordinator means; '' is none. */
export function seesSharedMemory(folder: string, token: string): boolean {
  if (!folder) return false;
  try {
    return readFileSync(join(folder, 'token'), 'utf8') === token;
  } catch {
    return false;
  }
}
