/**
 * Where results may be written: not beside photos, for which the next command would take them, nor beside true masks,
 * which they could replace (`a_mask.png`).
 */
import { dirname, join, resolve } from 'node:path';
import { UserError } from '@unet-fleet/law';
import { type PhotoInput, realOf } from './inputs.ts';

/** Throws a UserError if a result would lie in the folder of a photo or a mask, by whichever name or link. */
export async function assertApart(
  photos: readonly PhotoInput[],
  masks: readonly string[],
  outDir: string,
): Promise<void> {
  const realDirs = new Map<string, Promise<string>>();
  const realDirOf = (path: string): Promise<string> => {
    const dir = dirname(path);
    const known = realDirs.get(dir) ?? realOf(dir);
    realDirs.set(dir, known);
    return known;
  };
  const taken = new Map<string, string>();
  for (const path of masks) taken.set(await realDirOf(path), `the mask ${path}`);
  for (const { path } of photos) taken.set(await realDirOf(path), `the photo ${path}`);
  for (const { id } of photos) {
    const file = taken.get(await realDirOf(resolve(outDir, id)));
    if (file === undefined) continue;
    throw new UserError(
      `The results would lie in the folder of ${file}, where they could be taken for photos or replace masks: choose another folder with --out, such as ${join(outDir, 'predictions')}.`,
    );
  }
}
