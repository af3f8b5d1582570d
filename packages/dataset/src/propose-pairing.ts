/**
 * The way out where no photo has a mask: from the names alone, the suffixes and folders by which most photos would have
 * one. Each photo votes for what stands between it and the masks whose names begin as its own does; what most agree on is
 * tried on all files before it is proposed, and what was given already never is.
 */
import { join, resolve } from 'node:path';
import type { DataConfig } from '@unet-fleet/law';
import { compareText } from './list-folder.ts';
import { idOf, type Sides, withoutExtension } from './names.ts';

type Given = Pick<DataConfig, 'images' | 'masks' | 'imageSuffix' | 'maskSuffix'>;

/** What a photo and a mask have besides a common name: folders that lie before, and suffixes. */
interface Rule {
  photoFolder: string;
  maskFolder: string;
  imageSuffix: string;
  maskSuffix: string;
}

/** Photos that vote; more would agree on the same. */
const maxVoters = 200;
/** Masks that one photo looks at. */
const maxMasks = 60;
/** Longer ones are names, not suffixes. */
const maxSuffixLength = 40;
const separator = /[_\-. ]/;
const maskWords = /mask|label|gt|seg|annot|target|truth/i;
/** Pictures of masks for people, which data sets have beside the masks. */
const pictureWords = /colou?r|vis|overlay|preview|instance|poly|edge|depth/i;

interface Name {
  path: string;
  folders: string[];
  stem: string;
}

/**
 * "with --mask-suffix _gt, 40 of 40 photos have a mask", or a sentence about names that no option brings together; null
 * where the names have nothing in common.
 */
export function proposePairing(sides: Sides, given: Given): string | null {
  const photos = sides.photos.map(nameOf);
  const masks = sides.masks.map(nameOf);
  const all = new Set(sides.photos);
  // Photos and masks of one folder, which only their suffixes tell apart.
  const areMixed =
    sides.masks.some((path) => all.has(path)) && resolve(given.images) === resolve(given.masks);
  for (const counts of [votes(photos, masks, areMixed), prefixVotes(photos, masks, areMixed)]) {
    const best = bestRule(counts, areMixed);
    if (best === null) continue;
    const { numPhotos, numPairs } = count(sides, best, areMixed);
    const options = optionsOf(best, given);
    if (options !== '' && numPairs > 0 && numPairs * 3 >= Math.min(numPhotos, masks.length)) {
      return `with ${options}, ${numPairs} of ${numPhotos} photos have a mask`;
    }
  }
  const lowerOf = (path: string) => withoutExtension(path).normalize('NFC').toLowerCase();
  const lower = new Set(sides.masks.map(lowerOf));
  return !areMixed && sides.photos.some((path) => lower.has(lowerOf(path)))
    ? "the photos' and masks' names differ in upper and lower case, which are told apart: rename them"
    : null;
}

function nameOf(path: string): Name {
  const folders = withoutExtension(path).normalize('NFC').split('/');
  const stem = folders.pop() as string;
  return { path, folders, stem };
}

/** How many photos agree on each rule, by its JSON. */
function votes(photos: readonly Name[], masks: readonly Name[], areMixed: boolean): Map<string, number> {
  const sorted = [...masks].sort((a, b) => compareText(a.stem, b.stem));
  const stems = sorted.map(({ stem }) => stem);
  const counts = new Map<string, number>();
  const stride = Math.max(1, Math.floor(photos.length / maxVoters));
  for (let i = 0; i < photos.length; i += stride) {
    const photo = photos[i] as Name;
    const rules = new Set<string>();
    for (const mask of nearest(photo, sorted, stems, areMixed)) {
      for (const rule of rulesOf(photo, mask)) rules.add(JSON.stringify(rule));
    }
    for (const rule of rules) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  }
  return counts;
}

/** The same where names differ at their beginning, as img_1 and mask_1 do: for ends that begin behind a separator. */
function prefixVotes(
  photos: readonly Name[],
  masks: readonly Name[],
  areMixed: boolean,
): Map<string, number> {
  const byEnd = new Map<string, Name[]>();
  for (const mask of masks) {
    for (const end of endsOf(mask.stem)) {
      const some = byEnd.get(end) ?? [];
      byEnd.set(end, some);
      if (some.length < maxMasks) some.push(mask);
    }
  }
  const counts = new Map<string, number>();
  const stride = Math.max(1, Math.floor(photos.length / maxVoters));
  const prefixOf = ({ stem }: Name, end: string) =>
    stem === end ? '' : `${stem.slice(0, stem.length - end.length)}*`;
  for (let i = 0; i < photos.length; i += stride) {
    const photo = photos[i] as Name;
    const rules = new Set<string>();
    for (const end of endsOf(photo.stem)) {
      for (const mask of byEnd.get(end) ?? []) {
        if (areMixed && mask.path === photo.path) continue;
        const [imageSuffix, maskSuffix] = [prefixOf(photo, end), prefixOf(mask, end)];
        if (Math.max(imageSuffix.length, maskSuffix.length) > maxSuffixLength) continue;
        rules.add(JSON.stringify({ ...foldersBefore(photo, mask), imageSuffix, maskSuffix }));
      }
    }
    for (const rule of rules) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  }
  return counts;
}

/** The name itself, and what is left of it from each place on where a number or a part begins. */
function endsOf(stem: string): string[] {
  const ends = [stem];
  for (let at = 1; at < stem.length; at++) {
    const before = stem[at - 1] as string;
    const isNumber = /\d/.test(stem[at] as string) && /\p{L}/u.test(before);
    if (separator.test(before) || isNumber) ends.push(stem.slice(at));
  }
  return ends;
}

/** The masks whose names begin as the photo's does, up to the last place at which a suffix can begin. */
function nearest(photo: Name, sorted: readonly Name[], stems: readonly string[], areMixed: boolean): Name[] {
  const { stem } = photo;
  const isOther = (i: number) => sorted[i] !== undefined && !(areMixed && sorted[i]?.path === photo.path);
  const at = lowerBound(stems, stem);
  // Others of the longest common beginning stand beside where the photo would stand; it itself is passed over.
  const beside = [at - 1, at, at + 1].filter(isOther);
  const longest = Math.max(0, ...beside.map((i) => commonLength(stem, stems[i] as string)));
  if (longest === 0) return [];
  const prefix = stem.slice(0, boundaryBefore(stem, longest));
  const found: Name[] = [];
  for (let i = lowerBound(stems, prefix); i < stems.length && found.length < maxMasks; i++) {
    if (!(stems[i] as string).startsWith(prefix)) break;
    if (isOther(i)) found.push(sorted[i] as Name);
  }
  return found;
}

/** The last separator at or before `length`, beyond which a suffix may lie; `length` where there is none. */
function boundaryBefore(stem: string, length: number): number {
  for (let at = length; at > 0; at--) if (at === stem.length || separator.test(stem[at] as string)) return at;
  return length;
}

/** The folders of each that the other has not: those before the folders that they share. */
function foldersBefore(photo: Name, mask: Name): Pick<Rule, 'photoFolder' | 'maskFolder'> {
  let tail = 0;
  while (
    tail < Math.min(photo.folders.length, mask.folders.length) &&
    photo.folders.at(-1 - tail) === mask.folders.at(-1 - tail)
  ) {
    tail++;
  }
  const before = ({ folders }: Name) => folders.slice(0, folders.length - tail).join('/');
  return { photoFolder: before(photo), maskFolder: before(mask) };
}

function* rulesOf(photo: Name, mask: Name): Generator<Rule> {
  const folders = foldersBefore(photo, mask);
  const common = commonLength(photo.stem, mask.stem);
  for (let at = common; at > 0; at--) {
    const [imageSuffix, maskSuffix] = [photo.stem.slice(at), mask.stem.slice(at)];
    if (Math.max(imageSuffix.length, maskSuffix.length) > maxSuffixLength) return;
    const begins = (suffix: string) => suffix === '' || separator.test(suffix[0] as string);
    if (at !== common && !(begins(imageSuffix) && begins(maskSuffix))) continue;
    yield { ...folders, imageSuffix, maskSuffix };
  }
}

/** The rule that most agree on; of several, the one that looks most like a mask's and says least. */
function bestRule(counts: Map<string, number>, areMixed: boolean): Rule | null {
  const candidates = [...counts]
    .map(([json, count]) => ({ rule: JSON.parse(json) as Rule, count }))
    .filter(({ rule }) => !areMixed || isPlainlyMasks(rule));
  const rank = ({ rule: { maskSuffix, imageSuffix, photoFolder, maskFolder } }: { rule: Rule }) => [
    Number(maskSuffix !== '' && pictureWords.test(maskSuffix)),
    Number(maskSuffix !== '' && !maskWords.test(maskSuffix)),
    Number(maskSuffix !== '' && !separator.test(maskSuffix[0] as string)),
    maskSuffix.length + imageSuffix.length + photoFolder.length + maskFolder.length,
  ];
  candidates.sort((a, b) => {
    if (a.count !== b.count) return b.count - a.count;
    const [first, second] = [rank(a), rank(b)];
    const at = first.findIndex((value, i) => value !== second[i]);
    return at === -1 ? 0 : (first[at] as number) - (second[at] as number);
  });
  return candidates[0]?.rule ?? null;
}

/** Of two suffixes in one folder, whether the mask's is the one that says so. */
const isPlainlyMasks = ({ imageSuffix, maskSuffix, photoFolder, maskFolder }: Rule): boolean =>
  photoFolder === maskFolder &&
  maskSuffix !== '' &&
  (imageSuffix === '' || maskWords.test(maskSuffix)) &&
  !maskWords.test(imageSuffix);

const isMaskOf = ({ imageSuffix, maskSuffix }: Rule, path: string): boolean =>
  maskSuffix.length > imageSuffix.length && idOf(path, maskSuffix) !== null;

/** What the rule makes of all files. */
function count({ photos, masks }: Sides, rule: Rule, areMixed: boolean) {
  const idsOf = (paths: readonly string[], folder: string, suffix: string) =>
    new Set(
      paths.flatMap((path) => {
        const name = path.normalize('NFC');
        const isBelow = folder === '' || name.startsWith(`${folder}/`);
        const id = isBelow ? idOf(folder === '' ? name : name.slice(folder.length + 1), suffix) : null;
        return id === null ? [] : [id];
      }),
    );
  const photosOnly = areMixed ? photos.filter((path) => !isMaskOf(rule, path)) : photos;
  const ids = idsOf(photosOnly, rule.photoFolder, rule.imageSuffix);
  const maskIds = idsOf(masks, rule.maskFolder, rule.maskSuffix);
  return { numPhotos: ids.size, numPairs: [...ids].filter((id) => maskIds.has(id)).length };
}

function optionsOf(rule: Rule, given: Given): string {
  const wanted: [string, string, string][] = [
    ['--images', join(given.images, rule.photoFolder), given.images],
    ['--masks', join(given.masks, rule.maskFolder), given.masks],
    ['--image-suffix', rule.imageSuffix, given.imageSuffix],
    ['--mask-suffix', rule.maskSuffix, given.maskSuffix],
  ];
  const isSame = (flag: string, a: string, b: string) =>
    flag.endsWith('suffix') ? a === b.normalize('NFC') : resolve(a) === resolve(b);
  return wanted
    .filter(([flag, value, now]) => !isSame(flag, value, now))
    .map(([flag, value]) => `${flag} ${shellWord(value)}`)
    .join(' ');
}

const shellWord = (text: string): string =>
  /^[\p{L}\p{N}_./:@%+,-]+$/u.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/** Index of the first of the sorted texts that is not below `text`. */
function lowerBound(sorted: readonly string[], text: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as string) < text) low = middle + 1;
    else high = middle;
  }
  return low;
}
