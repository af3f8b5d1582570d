/** What is made once for all checks of this user, in the cache. */
import { existsSync } from 'node:fs';
import { whileAlone } from '@unet-fleet/install';
import { makeAtomically } from '@unet-fleet/shared';
import type { Tell } from './tool.ts';

/** Makes a folder of the cache where it is not there, as the only process that does. */
export async function once(
  path: string,
  tell: Tell,
  make: (temporary: string) => Promise<void>,
): Promise<string> {
  if (existsSync(path)) return path;
  await whileAlone(
    path,
    () => tell(`another process is making ${path}; waiting for it`),
    async () => {
      if (!existsSync(path)) await makeAtomically(path, make);
    },
  );
  return path;
}
