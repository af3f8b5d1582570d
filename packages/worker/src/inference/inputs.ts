/**
 * From what a person names (a photo, a folder, a pattern) to the photos, each with an id that names its outputs. Ids
 * are unique and relative, so no output can land outside the output folder or replace that of another photo.
 */
import { stat } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path';
import { describeUnread, photoExtensions } from '@unet-fleet/dataset';
import { UserError } from '@unet-fleet/shared';
import { glob } from 'tinyglobby';

export interface PhotoInput {
  /** Path below the named folder without extension, with '/'; outputs are named after it. */
  id: string;
  path: string;
}

/**
 * The photos that `inputs` name, in order of the inputs and of their paths within each. Photos within `outDir` are
 * left out of folders and patterns, as they are results of an earlier time. Throws a UserError if an input matches no
 * photo.
 */
export async function findPhotos(inputs: readonly string[], outDir: string): Promise<PhotoInput[]> {
  const found: PhotoInput[] = [];
  const seen = new Set<string>();
  for (const input of inputs) {
    for (const { id, path } of await photosOf(input, resolve(outDir))) {
      if (seen.has(path)) continue;
      seen.add(path);
      found.push({ id: safeId(id), path });
    }
  }
  return withUniqueIds(found);
}

async function photosOf(input: string, outDir: string): Promise<PhotoInput[]> {
  const info = await stat(input).catch(() => null);
  if (info?.isFile()) return [{ id: withoutExtension(basename(input)), path: resolve(input) }];
  const { folder, rest } = await existingPart(input);
  if (rest !== '' && !/[*?[\]{}()!+@]/.test(rest)) {
    throw new UserError(`There is no photo or folder ${input}: check its name.`);
  }
  const cwd = resolve(folder);
  const matches = await glob(rest || '**', { cwd, absolute: true, onlyFiles: true });
  const photos = matches
    .map((path) => resolve(path))
    .filter((path) => photoExtensions.includes(extname(path).toLowerCase()) && !isWithin(path, outDir))
    .sort((a, b) => (a < b ? -1 : 1));
  if (photos.length === 0) {
    const where = info ? `There is no photo in ${input}` : `No photo matches ${input}`;
    const unread = describeUnread('photo', matches);
    const instead = unread === null ? '' : `, but ${unread};`;
    throw new UserError(`${where}${instead || ':'} photos are ${photoExtensions.join(', ')}.`);
  }
  return photos.map((path) => ({ id: withoutExtension(toSlashes(relative(cwd, path))), path }));
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

const isWithin = (path: string, folder: string): boolean =>
  dirname(path) === folder || path.startsWith(folder + sep);

const toSlashes = (path: string): string => path.split(sep).join('/');

const withoutExtension = (path: string): string => path.slice(0, path.length - extname(path).length);

/** An id whose every segment is a plain name. */
function safeId(id: string): string {
  const segments = id
    .split(/[/\\]/)
    .filter((segment) => segment !== '' && segment !== '.' && segment !== '..')
    .map((segment) => segment.replace(/[\p{Cc}:*?"<>|]/gu, '_'));
  return segments.length > 0
    ? join(...segments)
        .split(sep)
        .join('/')
    : 'photo';
}

/** Photos of one id get their extension or a number, in their order. */
function withUniqueIds(photos: PhotoInput[]): PhotoInput[] {
  const taken = new Set<string>();
  return photos.map(({ id, path }) => {
    const candidates = [id, `${id}_${extname(path).slice(1).toLowerCase()}`];
    let unique = candidates.find((candidate) => !taken.has(candidate));
    for (let number = 2; unique === undefined; number++) {
      if (!taken.has(`${id}_${number}`)) unique = `${id}_${number}`;
    }
    taken.add(unique);
    return { id: unique, path };
  });
}
