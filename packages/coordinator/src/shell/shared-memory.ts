/**
 * The folder on tmpfs through which processes of this host hand bulk values over. It holds a random token: a worker
 * that can read it is on the same host and in the same mount namespace.
 */
import { randomUUID } from 'node:crypto';
import {
  accessSync,
  constants,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type ProcessIdentity, processIsAlive, thisProcess } from '@unet-fleet/record';
import { atExit } from '@unet-fleet/shared';

const prefix = 'unet-fleet-';

export interface SharedMemory {
  folder: string;
  token: string;
  remove(): void;
}

/**
 * Null where there is no tmpfs, or too little: containers often have 64 MiB. `neededBytes` is what weights and
 * gradients take at most. What coordinators left that were killed is removed first: it is memory until the next boot.
 */
export function openSharedMemory(neededBytes: number, tmpfs = '/dev/shm'): SharedMemory | null {
  try {
    accessSync(tmpfs, constants.W_OK);
    removeLeftovers(tmpfs);
    const { bavail, bsize } = statfsSync(tmpfs);
    if (bavail * bsize < neededBytes) return null;
    const folder = mkdtempSync(join(tmpfs, prefix));
    const token = randomUUID();
    writeFileSync(join(folder, 'owner.json'), JSON.stringify(thisProcess()));
    writeFileSync(join(folder, 'token'), token, { mode: 0o600 });
    // Workers that end this moment may still write into it.
    const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
    const isDone = atExit(remove);
    return {
      folder,
      token,
      remove() {
        isDone();
        remove();
      },
    };
  } catch {
    return null;
  }
}

function removeLeftovers(tmpfs: string): void {
  for (const name of readdirSync(tmpfs).filter((entry) => entry.startsWith(prefix))) {
    const folder = join(tmpfs, name);
    try {
      const owner = JSON.parse(readFileSync(join(folder, 'owner.json'), 'utf8')) as ProcessIdentity;
      if (processIsAlive(owner) === false) rmSync(folder, { recursive: true, force: true });
    } catch {
      // Another user's, or being made this moment.
    }
  }
}
