/**
 * What a file's name says about which photo and mask belong together: its id. Ids have one form whatever the disk says:
 * '/' between folders, composed characters (Unicode's NFC; macOS and many archives decompose them), no extension, no
 * suffix of its kind. Paths stay as they are on the disk.
 */
import { extensionOf } from './readers/containers.ts';

/** Paths of the files that are photos and masks, relative to their folders. */
export interface Sides {
  photos: readonly string[];
  masks: readonly string[];
}

/** Of a path. */
export const withoutExtension = (path: string): string =>
  path.slice(0, path.length - extensionOf(path).length);

/** Names of folders that hold one of the two kinds, lower case, as public data sets have them. */
const folderKinds = new Map<string, 'photo' | 'mask'>([
  ...[
    'images',
    'image',
    'imgs',
    'img',
    'photos',
    'photo',
    'pictures',
    'jpegimages',
    'leftimg8bit',
    'rgb',
  ].map((name) => [name, 'photo'] as const),
  ...['inputs', 'input', 'frames', 'sat'].map((name) => [name, 'photo'] as const),
  ...[
    'masks',
    'mask',
    'labels',
    'label',
    'annotations',
    'annotation',
    'annot',
    'gt',
    'gtfine',
    'gtcoarse',
  ].map((name) => [name, 'mask'] as const),
  ...['groundtruth', 'ground_truth', 'segmentationclass', 'segmentationclassaug', 'segmentation'].map(
    (name) => [name, 'mask'] as const,
  ),
  ...['segmentations', 'seg', 'targets', 'target'].map((name) => [name, 'mask'] as const),
]);

/** Names of the parts of a split, as folders are called for them. */
const partName = '(?:train(?:ing)?|trn|val(?:id(?:ation)?)?|dev|test(?:ing)?|tst)';
const partBefore = new RegExp(`^(${partName})[_-]?(.+)$`, 'i');
const partBehind = new RegExp(`^(.+)[_-](${partName})$`, 'i');

/** A folder that is called for its part and its kind: CamVid's trainannot, train_masks, images_val. */
function partAndKind(folder: string): { part: string; kind: 'photo' | 'mask' } | null {
  const [, part = '', before = ''] = partBefore.exec(folder) ?? [];
  const [, behind = '', other = ''] = partBehind.exec(folder) ?? [];
  const kind = folderKinds.get(before.toLowerCase());
  if (kind !== undefined) return { part, kind };
  const otherKind = folderKinds.get(behind.toLowerCase());
  return otherKind === undefined ? null : { part: other, kind: otherKind };
}

/**
 * What the folders of a path say about it: the kind, and the path without what says so ("train/masks/a" and
 * "trainannot/a" are "train/a").
 */
export function kindByFolder(path: string): { kind: 'photo' | 'mask'; rest: string } | null {
  const parts = path.split('/');
  for (let at = parts.length - 2; at >= 0; at--) {
    const folder = parts[at] as string;
    const kind = folderKinds.get(folder.toLowerCase());
    if (kind !== undefined) return { kind, rest: parts.filter((_, i) => i !== at).join('/') };
    const both = partAndKind(folder);
    if (both !== null) return { kind: both.kind, rest: parts.with(at, both.part).join('/') };
  }
  return null;
}

/** What a name has before its id and behind it: the two sides of the *, or all of it behind ("_mask", "mask_*"). */
function affixes(suffix: string): [before: string, behind: string] {
  const text = suffix.normalize('NFC');
  const at = text.indexOf('*');
  return at === -1 ? ['', text] : [text.slice(0, at), text.slice(at + 1)];
}

/** Whether the name of a file has what the suffix says, in whichever form either is written. */
export const hasSuffix = (path: string, suffix: string): boolean => {
  const [before, behind] = affixes(suffix);
  const stem = withoutExtension(path).normalize('NFC');
  if (before === '') return stem.endsWith(behind);
  const name = stem.slice(stem.lastIndexOf('/') + 1);
  return name.startsWith(before) && name.slice(before.length).endsWith(behind);
};

/**
 * The id of a file below its folder: "street/é_sat.jpg" with the suffix "_sat" is "street/é", and so is
 * "street/sat_é.jpg" with "sat_*". A file that is called as its suffix is known by its folder ("0001/image.png" with the
 * suffix "image" is "0001"). null for one that has not the suffix, or nothing besides.
 */
export function idOf(path: string, suffix: string): string | null {
  if (!hasSuffix(path, suffix)) return null;
  const [before, behind] = affixes(suffix);
  const stem = withoutExtension(path).normalize('NFC');
  const at = before === '' ? 0 : stem.lastIndexOf('/') + 1;
  const whole = stem.slice(0, at) + stem.slice(at + before.length);
  const id = whole.slice(0, whole.length - behind.length).replace(/\/$/, '');
  return id === '' ? null : id;
}

/** Two names for a message, with the characters that differ where they differ in Unicode form alone. */
export function twoNames(one: string, other: string): string {
  if (one === other || one.normalize('NFC') !== other.normalize('NFC')) return `${one} and ${other}`;
  const [ones, others] = [charactersOf(one), charactersOf(other)];
  const at = ones.findIndex((character, i) => character !== others[i]);
  return `${one} (with ${codesOf(ones[at])}) and ${other} (with ${codesOf(others[at])}), which look alike and differ in Unicode form,`;
}

/** As people count them: a letter with its accents is one. */
const charactersOf = (text: string): string[] =>
  Array.from(new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(text), ({ segment }) => segment);

const codesOf = (character = ''): string =>
  Array.from(
    character,
    (code) => `U+${(code.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}`,
  ).join(' ');
