/** Which of the photos to predict have a true mask in the folder of --masks, and what to do where none has. */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  describeUnread,
  extensionOf,
  hasSuffix,
  kindByFolder,
  listFolder,
  type MaskMeaning,
  maskExtensionsOf,
  matchMasks,
  proposePairing,
} from '@unet-fleet/dataset';
import { UserError } from '@unet-fleet/law';
import type { PhotoInput } from './inputs.ts';

export interface TruthFolder {
  /** Folder of true masks to show beside the predictions; '' for none. */
  masks: string;
  imageSuffix: string;
  maskSuffix: string;
}

export interface Truths {
  /** Without masks that lie among them. */
  photos: PhotoInput[];
  /** Paths of the true masks, by the path of the photo; null without a folder of masks. */
  byPhoto: Map<string, string> | null;
}

/** Throws a UserError where there is no such folder, or no photo has a mask in it. */
export async function findTruths(
  photos: readonly PhotoInput[],
  folder: TruthFolder,
  meaning: MaskMeaning | null,
): Promise<Truths> {
  const { masks, maskSuffix } = folder;
  if (masks === '' || meaning === null) return { photos: [...photos], byPhoto: null };
  if (!(await stat(masks).catch(() => null))?.isDirectory()) {
    throw new UserError(`There is no folder ${masks}: check --masks.`);
  }
  const files = await listFolder(masks, { option: '--masks', followLinks: true });
  const read = maskExtensionsOf(meaning);
  const maskFiles = files.filter((path) => read.includes(extensionOf(path)));
  const isMask = maskAmong(maskFiles, folder);
  const real = photos.filter(({ path }) => !isMask(path));
  // Where masks lie among the photos, a photo is not its own mask.
  const own = new Set(real.map(({ path }) => path));
  const others = maskFiles.filter((path) => !own.has(resolve(masks, path)));
  const matched = matchMasks(real, others, folder);
  const byPhoto = new Map(
    matched.flatMap((mask, i) => (mask === null ? [] : [[(real[i] as PhotoInput).path, join(masks, mask)]])),
  );
  if (byPhoto.size > 0) return { photos: real, byPhoto };
  const unread = describeUnread(
    'mask',
    files.filter((path) => !read.includes(extensionOf(path))),
  );
  const proposal = proposePairing(
    { photos: real.map(({ relative }) => relative), masks: maskFiles },
    { ...folder, images: '' },
  );
  const [photo] = real;
  const example = maskFiles[0] === undefined ? '' : `, ${maskFiles[0]} in ${masks}`;
  const suffix = maskSuffix === '' ? '' : ` with the suffix ${maskSuffix}`;
  const remedy =
    proposal ??
    (maskFiles.length === 0 && unread !== null
      ? `there are ${unread}`
      : 'name the folder that has masks of these names with --masks, or their suffix with --mask-suffix');
  throw new UserError(
    `No photo has a mask of its name${suffix} in ${masks} (there is ${photo?.relative ?? 'no photo'}${example}): ${remedy}.`,
  );
}

/** Tells masks that lie among the photos, which a suffix or a folder names as such. */
function maskAmong(
  maskFiles: readonly string[],
  { masks, maskSuffix }: TruthFolder,
): (path: string) => boolean {
  const isNamedSo = (path: string) =>
    maskSuffix === '' ? kindByFolder(path)?.kind === 'mask' : hasSuffix(path, maskSuffix);
  const paths = new Set(maskFiles.filter(isNamedSo).map((path) => join(masks, path)));
  return (path) => paths.has(path);
}
