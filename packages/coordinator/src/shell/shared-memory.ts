/**
 * The folder on tmpfs through which processes of this host hand bulk values over. It holds a random token: a worker
 * that can read it is on the same host and in the same mount namespace.
 */
import { randomUUID } from 'node:crypto';
import { accessSync, constants, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const tmpfs = '/dev/shm';

export interface SharedMemory {
  folder: string;
  token: string;
  remove(): void;
}

/**
 * Null where there is no tmpfs, or too little: containers often have 64 MiB. `neededBytes` is what weights and
 * gradients take at most.
 */
export function openSharedMemory(neededBytes: number): SharedMemory | null {
  try {
    accessSync(tmpfs, constants.W_OK);
    const { bavail, bsize } = statfsSync(tmpfs);
    if (bavail * bsize < neededBytes) return null;
    const folder = mkdtempSync(join(tmpfs, 'unet-fleet-'));
    const token = randomUUID();
    writeFileSync(join(folder, 'token'), token, { mode: 0o600 });
    return { folder, token, remove: () => rmSync(folder, { recursive: true, force: true }) };
  } catch {
    return null;
  }
}
