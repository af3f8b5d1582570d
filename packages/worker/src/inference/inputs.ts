/**
 * From what a person names (a photo, a folder, a pattern) to the photos, each with an id that names its outputs. Ids
 * are unique and relative, so no output can land outside the output folder or replace that of another photo.
 */
import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path';
import {
  compareText,
  describeUnread,
  isLitter,
  listFolder,
  photoExtensions,
  photosAmong,
} from '@unet-fleet/dataset';
import { UserError } from '@unet-fleet/law';
import { isSystemView } from '@unet-fleet/shared';
import { glob } from 'tinyglobby';

export interface PhotoInput {
  /** Path below the named folder without extension, with '/', in plain characters; outputs are named after it. */
  id: string;
  /** Absolute. */
  path: string;
  /** As on the disk, from the folder that was named, with '/'. */
  relative: string;
}

type Found = Omit<PhotoInput, 'id'>;

/**
 * The photos that `inputs` name, in order of the inputs and of their paths within each. Results of an earlier time, in
 * `outDir` below a folder that is named or known by their names, are left out. Throws a UserError if an input matches no
 * photo.
 */
export async function findPhotos(inputs: readonly string[], outDir: string): Promise<PhotoInput[]> {
  const found: Found[] = [];
  const seen = new Set<string>();
  for (const input of inputs) {
    for (const photo of await photosOf(input, await realOf(outDir))) {
      if (seen.has(photo.path)) continue;
      seen.add(photo.path);
      found.push(photo);
    }
  }
  return withUniqueIds(found);
}

async function photosOf(input: string, outDir: string): Promise<Found[]> {
  const info = await stat(input).catch(() => null);
  if (info?.isFile()) return [{ path: resolve(input), relative: basename(input) }];
  const { folder, rest } = await existingPart(input);
  if (rest !== '' && !/[*?[\]{}()!+@]/.test(rest)) {
    throw new UserError(`There is no photo or folder ${input}: check its name.`);
  }
  const cwd = resolve(folder);
  if (isSystemView(cwd)) {
    throw new UserError(`${input} shows the system and holds no photos: check its name.`);
  }
  // What is no file is told by whoever reads it, as every photo that can't be read.
  const others: string[] = [];
  const onOther = (path: string) => void others.push(path);
  const files = rest === '' ? await listFolder(cwd, { ...listing, onOther }) : await matchesOf(rest, cwd);
  const matches = [...files, ...others].sort(compareText);
  const results = await resultsBelow(cwd, outDir);
  const isPhoto = (path: string) => photoExtensions.includes(extname(path).toLowerCase());
  const all = new Set(matches);
  const isResult = (path: string) =>
    (results !== null && path.startsWith(results)) || isPrediction(path, all);
  const photos = photosAmong(matches.filter((path) => !isResult(path)));
  if (photos.length === 0) {
    const where = info ? `There is no photo in ${input}` : `No photo matches ${input}`;
    const unread = describeUnread(
      'photo',
      matches.filter((path) => !isPhoto(path)),
    );
    const instead = unread === null ? '' : `, but ${unread};`;
    throw new UserError(`${where}${instead || ':'} photos are ${photoExtensions.join(', ')}.`);
  }
  return photos.map((path) => ({ path: join(cwd, path), relative: path }));
}

/** Whether a file is one of the four of a photo's prediction, wherever an earlier time put them. */
function isPrediction(path: string, all: ReadonlySet<string>): boolean {
  const base = /^(.*)_(?:mask|grey|overlay|figure)\.png$/s.exec(path)?.[1];
  return (
    base !== undefined &&
    ['mask', 'grey', 'overlay', 'figure'].every((kind) => all.has(`${base}_${kind}.png`))
  );
}

/** What a person names to be predicted may lie anywhere, and whatever a file is called, its outputs are not. */
const listing = { option: 'its name', followLinks: true, namesAreShown: false };

/** Throws a UserError for what cannot be taken for a pattern, or not there. */
async function matchesOf(pattern: string, cwd: string): Promise<string[]> {
  // The library takes a backslash for a border of folders.
  if (sep === '/' && cwd.includes('\\')) {
    throw new UserError(
      `${cwd} has a backslash in its name, below which no pattern is looked for: name the folder.`,
    );
  }
  const found = await glob(pattern, { cwd, absolute: true, onlyFiles: true }).catch((error: Error) => {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UserError(
      `${shown(pattern)} is no pattern (${error.message}): name the files or their folder.`,
    );
  });
  return found
    .map((path) => toSlashes(relative(cwd, resolve(path))))
    .filter((path) => !path.split('/').some((name) => name !== '..' && isLitter(name)))
    .sort(compareText);
}

const shown = (pattern: string): string => (pattern.length > 60 ? `${pattern.slice(0, 60)}…` : pattern);

/** The results' folder as the beginning of relative paths, where it lies in the folder that is named; else null. */
async function resultsBelow(cwd: string, outDir: string): Promise<string | null> {
  const below = relative(await realOf(cwd), outDir);
  return below === '' || below.split(sep)[0] === '..' ? null : `${toSlashes(below)}/`;
}

/** Behind links, also where its last parts are not there yet. */
export async function realOf(path: string): Promise<string> {
  const whole = resolve(path);
  const real = await realpath(whole).catch(() => null);
  if (real !== null || dirname(whole) === whole) return real ?? whole;
  return join(await realOf(dirname(whole)), basename(whole));
}

/** The longest leading part that is a folder, however much its name looks like a pattern, and the rest. */
async function existingPart(input: string): Promise<{ folder: string; rest: string }> {
  const segments = toSlashes(input).split('/');
  for (let numKept = segments.length; numKept > 0; numKept--) {
    const folder = segments.slice(0, numKept).join('/') || '/';
    const rest = segments.slice(numKept).join('/');
    if ((await stat(folder).catch(() => null))?.isDirectory()) return { folder, rest };
  }
  return { folder: '.', rest: segments.join('/') };
}

const toSlashes = (path: string): string => path.split(sep).join('/');

const withoutExtension = (path: string): string => path.slice(0, path.length - extname(path).length);

/** An id whose every segment is a plain name, composed (NFC), and short enough to be a file's. */
function safeId(path: string): string {
  const segments = withoutExtension(path)
    .normalize('NFC')
    .split(/[/\\]/)
    .filter((segment) => segment !== '' && segment !== '.' && segment !== '..')
    .map((segment) => shortened(segment.replace(/[\p{Cc}:*?"<>|]/gu, '_')));
  return segments.length > 0 ? segments.join('/') : 'photo';
}

/** File systems take names of 255 bytes; a number and the longest of our endings come behind. */
const maxNameBytes = 255 - '_12345678_overlay.png'.length;

function shortened(name: string): string {
  if (Buffer.byteLength(name) <= maxNameBytes) return name;
  const mark = `~${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
  let kept = '';
  for (const character of name) {
    if (Buffer.byteLength(kept + character + mark) > maxNameBytes) break;
    kept += character;
  }
  return kept + mark;
}

/** Photos of one id get their extension or a number, in their order. */
function withUniqueIds(photos: readonly Found[]): PhotoInput[] {
  const taken = new Set<string>();
  return photos.map((photo) => {
    const id = safeId(photo.relative);
    const candidates = [id, `${id}_${extname(photo.path).slice(1).toLowerCase()}`];
    let unique = candidates.find((candidate) => !taken.has(candidate));
    for (let number = 2; unique === undefined; number++) {
      if (!taken.has(`${id}_${number}`)) unique = `${id}_${number}`;
    }
    taken.add(unique);
    return { ...photo, id: unique };
  });
}
