/**
 * Matches photos and masks by id: the path below its folder without the extension (and, for a mask, without the mask
 * suffix), with '/' between folders. The order is by id, by UTF-16 code units, whatever the locale or the disk says.
 * What it keeps true: every path is below its folder, also behind links, and can be shown and logged as it is.
 */
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { isPrintable, UserError } from '@unet-fleet/shared';
import { extensionOf } from './readers/containers.ts';
import { maskExtensionsOf } from './readers/mask.ts';
import { photoExtensions } from './readers/photo.ts';
import { describeUnread } from './readers/unread-formats.ts';

export interface Pair {
  id: string;
  /** Relative to the images folder, with '/'. */
  photo: string;
  /** Relative to the masks folder, with '/'. */
  mask: string;
}

export interface Pairing {
  pairs: Pair[];
  /** Paths relative to their folder, in order. */
  photosWithoutMasks: string[];
  masksWithoutPhotos: string[];
  /** Files in either folder of a kind that is not read. */
  numOtherFiles: number;
}

export interface PairOptions {
  images: string;
  masks: string;
  maskSuffix: string;
  /** Whether links may lead out of the folders. */
  followLinks: boolean;
  /** With one, masks may be JPEG. */
  maskThreshold: number;
}

/** Locale-free order for ids and paths. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Lists both folders, recursively. Throws a UserError if one is missing or holds no file of its kind. */
export async function pairFiles({
  images,
  masks,
  maskSuffix,
  followLinks,
  maskThreshold,
}: PairOptions): Promise<Pairing> {
  const maskExtensions = maskExtensionsOf({ maskThreshold });
  const imagesRoot = resolve(images);
  const masksRoot = resolve(masks);
  const sameFolder = imagesRoot === masksRoot;
  if (sameFolder && maskSuffix === '') {
    throw new UserError(
      `Photos and masks are both in ${images}: name another folder with --masks, or what the masks' names end in with --mask-suffix.`,
    );
  }
  // One folder inside the other: its files are not the other's.
  const imageFiles = await listFolder(images, '--images', followLinks, sameFolder ? null : masksRoot);
  const maskFiles = sameFolder ? imageFiles : await listFolder(masks, '--masks', followLinks, imagesRoot);
  const isMask = (path: string) =>
    maskExtensions.includes(extensionOf(path)) && withoutExtension(path).endsWith(maskSuffix);
  const photoFiles = imageFiles.filter(
    (path) => photoExtensions.includes(extensionOf(path)) && !(sameFolder && isMask(path)),
  );
  const photos = byId(photoFiles, images, '');
  const masksById = byId(maskFiles.filter(isMask), masks, maskSuffix);
  if (photos.size === 0) {
    throw new UserError(noneOfKind('photo', photoExtensions, imageFiles, `in ${images}`, '--images'));
  }
  if (masksById.size === 0) {
    const where = `${maskSuffix === '' ? '' : `whose name ends in "${maskSuffix}" `}in ${masks}`;
    throw new UserError(noneOfKind('mask', maskExtensions, maskFiles, where, '--masks and --mask-suffix'));
  }
  const ids = [...photos.keys()].sort(compareText);
  const pairs = ids.flatMap((id) => {
    const mask = masksById.get(id);
    return mask === undefined ? [] : [{ id, photo: photos.get(id) as string, mask }];
  });
  const numFiles = sameFolder ? imageFiles.length : imageFiles.length + maskFiles.length;
  return {
    pairs,
    photosWithoutMasks: ids.filter((id) => !masksById.has(id)).map((id) => photos.get(id) as string),
    masksWithoutPhotos: [...masksById.keys()]
      .filter((id) => !photos.has(id))
      .sort(compareText)
      .map((id) => masksById.get(id) as string),
    numOtherFiles: numFiles - photos.size - masksById.size,
  };
}

/** "There is no mask (.png, …) in masks: …", with the way from what is there instead. */
function noneOfKind(
  kind: 'photo' | 'mask',
  read: readonly string[],
  files: readonly string[],
  where: string,
  options: string,
): string {
  const unread = describeUnread(
    kind,
    files.filter((path) => !read.includes(extensionOf(path))),
  );
  const instead = unread === null ? '' : `, but ${unread}; or`;
  return `There is no ${kind} (${read.join(', ')}) ${where}${instead || ':'} check ${options}.`;
}

function withoutExtension(path: string): string {
  return path.slice(0, path.length - extensionOf(path).length);
}

function byId(paths: string[], folder: string, suffix: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const path of paths) {
    const name = withoutExtension(path);
    const id = name.slice(0, name.length - suffix.length);
    const other = found.get(id);
    if (other !== undefined) {
      throw new UserError(
        `${other} and ${path} in ${folder} have the same id "${id}": rename or remove one of them.`,
      );
    }
    found.set(id, path);
  }
  return found;
}

/** Links that lead out of a folder: how many, and the first. */
class LinksOut {
  private readonly realRoot: string;
  private first = '';
  private num = 0;

  constructor(realRoot: string) {
    this.realRoot = realRoot;
  }

  /** Whether the file or folder that a link leads to is in the folder; counts it otherwise. */
  async isInside(path: string, relative: string): Promise<boolean> {
    const real = await realpath(path);
    if (real === this.realRoot || real.startsWith(this.realRoot + sep)) return true;
    this.first ||= relative;
    this.num += 1;
    return false;
  }

  /** Throws a UserError if there was one. */
  check(folder: string): void {
    if (this.num === 0) return;
    const others = this.num > 1 ? ` and ${this.num - 1} more` : '';
    throw new UserError(
      `In ${folder}, ${this.first}${others} lead out of the folder by links: put the files there, or allow it with --follow-links.`,
    );
  }
}

/** All files below a folder but those below `except`, hidden ones left out, sorted, relative with '/'. */
async function listFolder(
  folder: string,
  option: string,
  followLinks: boolean,
  except: string | null,
): Promise<string[]> {
  const root = resolve(folder);
  const info = await stat(root).catch(() => null);
  if (info === null) throw new UserError(`There is no folder ${folder}: check ${option}.`);
  if (!info.isDirectory()) throw new UserError(`${folder} is no folder: check ${option}.`);
  const files: string[] = [];
  const visited = new Set<string>();
  const linksOut = new LinksOut(await realpath(root));
  const walk = async (below: string): Promise<void> => {
    const path = join(root, below);
    // A link to a folder above would otherwise be walked for ever.
    const real = await realpath(path);
    if (visited.has(real) || path === except) return;
    visited.add(real);
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (entry.name.startsWith('.') || entry.name === '__MACOSX') continue;
      const relative = below === '' ? entry.name : `${below}/${entry.name}`;
      const isLink = entry.isSymbolicLink();
      const target = isLink ? await stat(join(root, relative)).catch(() => null) : entry;
      if (isLink && target && !followLinks && !(await linksOut.isInside(join(root, relative), relative)))
        continue;
      if (target?.isDirectory()) await walk(relative);
      else if (target?.isFile()) files.push(relative.split(sep).join('/'));
    }
  };
  try {
    await walk('');
  } catch (error) {
    throw new UserError(`Cannot list ${folder}: ${(error as Error).message}.`);
  }
  linksOut.check(folder);
  const strange = files.find((path) => !isPrintable(path));
  if (strange !== undefined) {
    throw new UserError(
      `In ${folder}, the name ${strange} has a line break or another control character in it: rename the file.`,
    );
  }
  if (files.length === 0) throw new UserError(`The folder ${folder} is empty: check ${option}.`);
  return files.sort(compareText);
}
