/**
 * The masks of photos that were not scanned together with them, by the same ids as in the scan (names.ts). A photo may be
 * named by itself or with a folder deep below the one that the masks mirror, so its path above that folder may count too.
 */
import { sep } from 'node:path';
import { idOf, kindByFolder, withoutExtension } from './names.ts';

export interface NamedPhoto {
  /** Absolute. */
  path: string;
  /** From the folder that was named, with '/'; at least the file's name. */
  relative: string;
}

interface Suffixes {
  imageSuffix: string;
  maskSuffix: string;
}

/**
 * For each photo the mask (of `masks`, relative to their folder) whose id is the end of its path: the longest such id, and
 * none that is shorter than the photo's own below the folder that was named, as two folders may hold photos of one name.
 * null where there is none. Where no photo has one, ids are compared without the folders that say what is a photo.
 */
export function matchMasks(
  photos: readonly NamedPhoto[],
  masks: readonly string[],
  { imageSuffix, maskSuffix }: Suffixes,
): (string | null)[] {
  const matchBy = (nameOf: (path: string) => string) => {
    const byId = new Map<string, string>();
    for (const mask of masks) {
      const id = idOf(nameOf(mask), maskSuffix);
      if (id !== null && !byId.has(id)) byId.set(id, mask);
    }
    const deepest = Math.max(0, ...[...byId.keys()].map((id) => id.split('/').length));
    return photos.map(({ path, relative }) => {
      const parts = photoId(nameOf(path.split(sep).join('/')), imageSuffix).split('/');
      const own = photoId(nameOf(relative), imageSuffix).split('/').length;
      for (let length = Math.min(parts.length, deepest); length >= own; length--) {
        const mask = byId.get(parts.slice(parts.length - length).join('/'));
        if (mask !== undefined) return mask;
      }
      return null;
    });
  };
  const whole = matchBy((path) => path);
  if (whole.some((mask) => mask !== null)) return whole;
  return matchBy((path) => kindByFolder(path)?.rest ?? path);
}

/** A photo without the suffix is predicted too: its name is its id. */
const photoId = (path: string, suffix: string): string =>
  idOf(path, suffix) ?? withoutExtension(path).normalize('NFC');
