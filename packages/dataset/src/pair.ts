/**
 * Matches photos and masks by id (names.ts). The order is by id, by UTF-16 code units, whatever the locale or the disk
 * says. Nothing is matched that could be meant otherwise: two files of one id are refused.
 */
import { resolve } from 'node:path';
import { type DataConfig, UserError } from '@unet-fleet/law';
import { compareText, listFolder } from './list-folder.ts';
import { hasSuffix, idOf, kindByFolder, type Sides, twoNames } from './names.ts';
import { proposePairing } from './propose-pairing.ts';
import { extensionOf } from './readers/containers.ts';
import { maskExtensionsOf } from './readers/mask.ts';
import { photoExtensions, photosAmong } from './readers/photo.ts';
import { describeUnread } from './readers/unread-formats.ts';

export interface Pair {
  id: string;
  /** Relative to the images folder, with '/'. */
  photo: string;
  /** Relative to the masks folder, with '/'. */
  mask: string;
}

/** A file that has no other half. */
export interface Lone {
  id: string;
  /** Relative to its folder, with '/'. */
  path: string;
}

export interface Pairing {
  /** In the order of ids, as all lists here. */
  pairs: Pair[];
  photosWithoutMasks: Lone[];
  masksWithoutPhotos: Lone[];
  /** Files in either folder of a kind that is not read. */
  numOtherFiles: number;
  /** What is no file at all in either folder, with what it is: "camera.jpg is a pipe". */
  noFiles: string[];
  /** Of formats that are not read, what lies where the masks of photos without one would; null for nothing. */
  unreadMasks: string | null;
  /** Where nothing fits: the options by which something would, as the end of a sentence; null if none is known. */
  proposal: string | null;
}

export type PairOptions = Pick<
  DataConfig,
  'images' | 'masks' | 'imageSuffix' | 'maskSuffix' | 'maskThreshold' | 'followLinks'
>;

/** Lists both folders, recursively. Throws a UserError if one is missing or holds no file of its kind. */
export async function pairFiles(options: PairOptions): Promise<Pairing> {
  const { images, masks, imageSuffix, maskSuffix, followLinks } = options;
  const isMaskFile = (path: string) => maskExtensionsOf(options).includes(extensionOf(path));
  const imagesRoot = resolve(images);
  const masksRoot = resolve(masks);
  const isOneFolder = imagesRoot === masksRoot;
  // One folder inside the other: its files are not the other's.
  const noFiles: string[] = [];
  const onOther = (path: string, kind: string) => void noFiles.push(`${path} is ${kind}`);
  const list = (folder: string, option: string, except: string) =>
    listFolder(folder, { option, followLinks, except: isOneFolder ? [] : [except], onOther });
  const imageFiles = await list(images, '--images', masksRoot);
  if (imageFiles.length === 0) throw new UserError(`The folder ${images} is empty: check --images.`);
  const maskFiles = isOneFolder ? imageFiles : await list(masks, '--masks', imagesRoot);
  if (maskFiles.length === 0) throw new UserError(`The folder ${masks} is empty: check --masks.`);
  // By their suffixes, pictures beside arrays are their masks: no reason to take the arrays for masks.
  const isNamedMask = (path: string) =>
    isOneFolder && imageSuffix === '' && maskSuffix !== '' && hasSuffix(path, maskSuffix);
  const named = imageFiles.filter((path) => hasSuffix(path, imageSuffix) && !isNamedMask(path));
  const photos = photosAmong(named.length > 0 ? named : imageFiles);
  const all = { photos, masks: maskFiles.filter(isMaskFile) };
  const beside = () =>
    describeUnread(
      'mask',
      imageFiles.filter((path) => !photoExtensions.includes(extensionOf(path)) && !isMaskFile(path)),
    );
  const sides = isOneFolder ? sidesOfOneFolder(all, options, beside()) : all;
  const matched = pairByNames(sides, options);
  const proposal =
    matched.pairs.length > 0 ? null : proposePairing((isOneFolder && sidesByFolder(all)) || all, options);
  const numPhotos = matched.pairs.length + matched.photosWithoutMasks.length;
  const numMasks = matched.pairs.length + matched.masksWithoutPhotos.length;
  if (numPhotos === 0 || numMasks === 0) {
    throw new UserError(
      noneOfKind(numPhotos === 0 ? 'photo' : 'mask', { imageFiles, maskFiles }, options, proposal),
    );
  }
  const numFiles = isOneFolder ? imageFiles.length : imageFiles.length + maskFiles.length;
  const lone = new Set(matched.photosWithoutMasks.map(({ id }) => id));
  const unread = maskFiles.filter((path) => !isMaskFile(path) && lone.has(idOf(path, maskSuffix) ?? ''));
  // The photos themselves, where all lie in one folder, are no masks that can't be read.
  const unreadMasks = isOneFolder ? null : describeUnread('mask', unread);
  return { ...matched, numOtherFiles: numFiles - numPhotos - numMasks, noFiles, unreadMasks, proposal };
}

/**
 * Which files of one folder are photos and which masks: by their suffixes, or else by the folders that they lie in
 * (images, masks), or else by JPEG, which no mask is. Throws a UserError where nothing tells, with what lies there that
 * is not read (`unread`).
 */
function sidesOfOneFolder(all: Sides, options: PairOptions, unread: string | null): Sides {
  const { images, imageSuffix, maskSuffix } = options;
  if (imageSuffix === '' && maskSuffix === '') {
    const sides = sidesByFolder(all) ?? sidesByJpeg(all);
    if (sides !== null) return sides;
    const proposal = proposePairing(all, options);
    if (proposal === null && unread !== null)
      throw new UserError(`Beside the photos in ${images} there is no mask, but ${unread}.`);
    const remedy =
      proposal ??
      'name another folder with --masks, or what names end in with --mask-suffix and --image-suffix';
    throw new UserError(`Photos and masks are both in ${images}: ${remedy}.`);
  }
  if (imageSuffix.normalize('NFC') === maskSuffix.normalize('NFC')) {
    throw new UserError(
      `--image-suffix and --mask-suffix are both ${imageSuffix}, and photos and masks are both in ${images}: nothing tells them apart.`,
    );
  }
  // A name that ends in both is what the longer one says.
  const isMask = (path: string) =>
    hasSuffix(path, maskSuffix) && !(imageSuffix.length > maskSuffix.length && hasSuffix(path, imageSuffix));
  return { photos: all.photos.filter((path) => !isMask(path)), masks: all.masks.filter(isMask) };
}

function sidesByFolder({ photos, masks }: Sides): Sides | null {
  const ofKind = (paths: readonly string[], kind: 'photo' | 'mask') =>
    paths.filter((path) => kindByFolder(path)?.kind === kind);
  const sides = { photos: ofKind(photos, 'photo'), masks: ofKind(masks, 'mask') };
  if (sides.photos.length > 0 || sides.masks.length === 0) return sides.masks.length > 0 ? sides : null;
  // CamVid's train and trainannot: the folders of masks alone are called for what they hold.
  const ids = new Set(sides.masks.map((path) => idOf(kindByFolder(path)?.rest ?? path, '')));
  const others = photos.filter((path) => kindByFolder(path) === null);
  return others.some((path) => ids.has(idOf(path, ''))) ? { ...sides, photos: others } : null;
}

function sidesByJpeg({ photos, masks }: Sides): Sides | null {
  const isJpeg = (path: string) => /^\.jpe?g$/.test(extensionOf(path));
  const sides = { photos: photos.filter(isJpeg), masks: masks.filter((path) => !isJpeg(path)) };
  const ids = new Set(sides.masks.map((path) => idOf(path, '')));
  return sides.photos.some((path) => ids.has(idOf(path, ''))) ? sides : null;
}

type Named = Pick<Pairing, 'pairs' | 'photosWithoutMasks' | 'masksWithoutPhotos'>;

/**
 * Pairs by the whole path; where nothing fits, by the path without the folders that say what is a photo and what a mask,
 * as in train/images/a.jpg and train/masks/a.png. Throws a UserError for two files of one id.
 */
function pairByNames({ photos, masks }: Sides, options: PairOptions): Named {
  const { images, masks: masksFolder, imageSuffix, maskSuffix } = options;
  const pairedBy = (nameOf: (path: string) => string) =>
    paired(byId(photos, nameOf, images, imageSuffix), byId(masks, nameOf, masksFolder, maskSuffix));
  const whole = pairedBy((path) => path);
  if (whole.pairs.length > 0) return whole;
  try {
    const shorter = pairedBy((path) => kindByFolder(path)?.rest ?? path);
    return shorter.pairs.length > 0 ? shorter : whole;
  } catch (error) {
    // Shorter names that clash were not what was meant.
    if (!(error instanceof UserError)) throw error;
    return whole;
  }
}

function byId(
  paths: readonly string[],
  nameOf: (path: string) => string,
  folder: string,
  suffix: string,
): Map<string, string> {
  const found = new Map<string, string>();
  for (const path of paths) {
    const id = idOf(nameOf(path), suffix);
    if (id === null) continue;
    const other = found.get(id);
    if (other !== undefined) {
      throw new UserError(
        `${twoNames(other, path)} in ${folder} have the same id "${id}": rename or remove one of them.`,
      );
    }
    found.set(id, path);
  }
  return found;
}

function paired(photos: Map<string, string>, masks: Map<string, string>): Named {
  const loneOf = (files: Map<string, string>, others: Map<string, string>): Lone[] =>
    [...files]
      .filter(([id]) => !others.has(id))
      .map(([id, path]) => ({ id, path }))
      .sort((a, b) => compareText(a.id, b.id));
  const ids = [...photos.keys()].filter((id) => masks.has(id)).sort(compareText);
  return {
    pairs: ids.map((id) => ({ id, photo: photos.get(id) as string, mask: masks.get(id) as string })),
    photosWithoutMasks: loneOf(photos, masks),
    masksWithoutPhotos: loneOf(masks, photos),
  };
}

/** "There is no mask (.png, …) in masks: …", with the way from what is there instead. */
function noneOfKind(
  kind: 'photo' | 'mask',
  { imageFiles, maskFiles }: { imageFiles: readonly string[]; maskFiles: readonly string[] },
  options: PairOptions,
  proposal: string | null,
): string {
  const isPhoto = kind === 'photo';
  const read = isPhoto ? photoExtensions : maskExtensionsOf(options);
  const suffix = isPhoto ? options.imageSuffix : options.maskSuffix;
  const files = (isPhoto ? imageFiles : maskFiles).filter((path) => !read.includes(extensionOf(path)));
  const where = `${suffix === '' ? '' : `whose name ends in "${suffix}" `}in ${isPhoto ? options.images : options.masks}`;
  const unread = describeUnread(kind, files);
  const instead = unread === null ? '' : `, but ${unread}; or`;
  const check = isPhoto ? '--images and --image-suffix' : '--masks and --mask-suffix';
  const remedy = proposal ?? `check ${suffix === '' ? check.split(' ')[0] : check}`;
  return `There is no ${kind} (${read.join(', ')}) ${where}${instead || ':'} ${remedy}.`;
}
