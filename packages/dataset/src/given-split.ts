/**
 * A split that the data brings along: lists of names (--train-list, --val-list), or folders called train and val. What it
 * keeps true: a photo of one part never comes into the other, what is in neither (a test set) is left out, and both are
 * said. Without either, the split is drawn (split.ts).
 */
import { counted, type DataConfig, UserError } from '@unet-fleet/law';
import { listSome } from './dataset.ts';
import { compareText } from './list-folder.ts';
import { withoutExtension } from './names.ts';
import type { Lone, Pairing } from './pair.ts';
import { readList } from './readers/list-file.ts';
import type { Split } from './split.ts';

export interface Divided {
  /** What is trained and validated on, and what has no other half of it. */
  pairing: Pairing;
  /** null: to be drawn. */
  split: Split | null;
  /** How the parts were taken, one sentence each. */
  notes: string[];
  /** What lists name and the data lacks, one sentence each. */
  warnings: string[];
}

type SplitOptions = Pick<DataConfig, 'split' | 'trainList' | 'valList' | 'unpaired' | 'images'>;

/** Throws a UserError where the parts contradict each other, or one is empty. */
export function divide(pairing: Pairing, options: SplitOptions): Divided {
  if (options.trainList !== '') return byLists(pairing, options);
  if (options.split === 'random') return { pairing, split: null, notes: [], warnings: [] };
  return byFolders(pairing);
}

type Part = 'training' | 'validation' | 'test';

/** Of the first folder of an id, as public data sets call it: train, train2017, training; val, valid; test. */
function partOf(id: string): Part | null {
  const [, name, year] = /^([a-z]+)[_-]?(\d{4})?\//i.exec(id) ?? [];
  if (name === undefined || (year !== undefined && year.length !== 4)) return null;
  const lower = name.toLowerCase();
  if (['train', 'training', 'trn'].includes(lower)) return 'training';
  if (['val', 'valid', 'validation', 'dev'].includes(lower)) return 'validation';
  return ['test', 'testing', 'tst'].includes(lower) ? 'test' : null;
}

function byFolders(pairing: Pairing): Divided {
  const idsOf = (part: Part) => pairing.pairs.map(({ id }) => id).filter((id) => partOf(id) === part);
  const [training, validation] = [idsOf('training'), idsOf('validation')];
  const numTest = idsOf('test').length;
  const numOthers = pairing.pairs.length - training.length - validation.length - numTest;
  if (training.length === 0 || (validation.length === 0 && (numTest === 0 || numOthers > 0))) {
    return { pairing, split: null, notes: [], warnings: [] };
  }
  const isGiven = validation.length > 0;
  const isKept = ({ id }: { id: string }) => partOf(id) === 'training' || partOf(id) === 'validation';
  const leftOut = pairing.pairs.filter((pair) => !isKept(pair)).map(({ id }) => folderOf(id));
  const parts = isGiven
    ? `The split is that of the folders: ${foldersOf(training)} for training, ${foldersOf(validation)} for validation`
    : `Validation is drawn from ${foldersOf(training)}, as there is no folder for it`;
  const others =
    leftOut.length === 0 ? '' : `; ${counted(leftOut.length, 'photo')} in ${names(leftOut)} left out`;
  return {
    pairing: restricted(pairing, isKept),
    split: isGiven ? { training, validation } : null,
    notes: [`${parts}${others} (--split random draws one from all).`],
    warnings: [],
  };
}

const folderOf = (id: string): string =>
  id.includes('/') ? `${id.split('/')[0]}/` : 'no folder of their own';
const names = (folders: readonly string[]): string => listSome([...new Set(folders)]);
const foldersOf = (ids: readonly string[]): string => `${names(ids.map(folderOf))} (${ids.length})`;

function restricted(pairing: Pairing, isKept: (file: { id: string }) => boolean): Pairing {
  return {
    ...pairing,
    pairs: pairing.pairs.filter(isKept),
    photosWithoutMasks: pairing.photosWithoutMasks.filter(isKept),
    masksWithoutPhotos: pairing.masksWithoutPhotos.filter(isKept),
  };
}

function byLists(pairing: Pairing, options: SplitOptions): Divided {
  const index = new NameIndex(pairing);
  const training = listed(options.trainList, '--train-list', index, options);
  const validation = listed(options.valList, '--val-list', index, options);
  const both = [...validation.ids].filter((id) => training.ids.has(id));
  if (both.length > 0) {
    throw new UserError(
      `${counted(both.length, 'photo')} ${both.length === 1 ? 'stands' : 'stand'} in ${options.trainList} and in ${options.valList} (${listSome(both)}): what is trained on can't validate, so take them out of one.`,
    );
  }
  const isKept = ({ id }: { id: string }) => training.ids.has(id) || validation.ids.has(id);
  const kept = restricted(pairing, isKept);
  const paired = new Set(kept.pairs.map(({ id }) => id));
  const partOfPairs = ({ ids }: Listed) => [...ids].filter((id) => paired.has(id)).sort(compareText);
  const split = { training: partOfPairs(training), validation: partOfPairs(validation) };
  const numOut = pairing.pairs.length - kept.pairs.length;
  const out = numOut === 0 ? '' : `; ${counted(numOut, 'photo')} in neither left out`;
  return {
    pairing: { ...kept, masksWithoutPhotos: [] },
    split,
    notes: [
      `The split is that of the lists: ${split.training.length} for training, ${split.validation.length} for validation${out}.`,
      ...training.notes,
      ...validation.notes,
    ],
    warnings: [...training.warnings, ...validation.warnings],
  };
}

interface Listed {
  ids: Set<string>;
  notes: string[];
  warnings: string[];
}

/** Names of a million photos. */
const maxListBytes = 2 ** 26;

function listed(path: string, option: string, index: NameIndex, { unpaired, images }: SplitOptions): Listed {
  const text = readList(path, maxListBytes, 'list of photos', option).toString('utf8');
  if (text.includes('\0')) {
    throw new UserError(`${path} is no text: ${option} takes one name of a photo per line, in UTF-8.`);
  }
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length === 0) throw new UserError(`${path} names no photo: check ${option}.`);
  const ids = new Set<string>();
  const unknown: string[] = [];
  let numColumns = 0;
  for (const line of lines) {
    const whole = index.find(line, path);
    // "0001.jpg 0001.png" and "0001 1" name a photo first.
    const first =
      whole === null && /\s|,/.test(line) ? index.find(line.split(/[\s,]+/)[0] as string, path) : null;
    if (whole === null && first !== null) numColumns++;
    const id = whole ?? first;
    if (id === null) unknown.push(line);
    else ids.add(id);
  }
  if (ids.size === 0) {
    throw new UserError(
      `None of the ${lines.length} lines of ${path} is a photo in ${images} (the first is "${lines[0]}"; there is ${index.example}): check ${option} and --images.`,
    );
  }
  const missing = `${counted(unknown.length, 'line')} of ${path} ${unknown.length === 1 ? 'is' : 'are'} no photo in ${images} (${listSome(unknown)})`;
  if (unknown.length > 0 && unpaired === 'stop') {
    throw new UserError(`${missing}: mend the list, or use --unpaired warn to leave them out.`);
  }
  const numTwice = lines.length - unknown.length - ids.size;
  return {
    ids,
    warnings: unknown.length > 0 ? [`Left out: ${missing}.`] : [],
    notes: [
      ...(numColumns > 0 ? [`The first column of ${path} is read, the others are not.`] : []),
      ...(numTwice > 0
        ? [`${counted(numTwice, 'line')} of ${path} name a photo again; each counts once.`]
        : []),
    ],
  };
}

/**
 * Finds photos by what lists call them: the id, the path of the photo or its mask, with or without extension, from the
 * folder of photos, from one above it, or (where only one photo is meant) from one below.
 */
class NameIndex {
  readonly example: string;
  /** By whole names. */
  readonly #whole = new Map<string, string>();
  /** By the ends of names, from each folder on; null where several end so. */
  readonly #ends = new Map<string, string | null>();

  constructor({ pairs, photosWithoutMasks }: Pairing) {
    for (const { id, photo, mask } of pairs) this.#add(id, [id, nameOf(photo), nameOf(mask)]);
    for (const { id, path } of photosWithoutMasks as readonly Lone[]) this.#add(id, [id, nameOf(path)]);
    this.example = (pairs[0]?.photo ?? photosWithoutMasks[0]?.path) as string;
  }

  #add(id: string, own: readonly string[]): void {
    for (const name of new Set(own)) {
      this.#whole.set(name, id);
      for (const end of endsOf(name)) {
        const known = this.#ends.get(end);
        this.#ends.set(end, known === undefined || known === id ? id : null);
      }
    }
  }

  /** The id of the photo, or null. Throws a UserError where several could be meant. */
  find(line: string, list: string): string | null {
    const plain = line
      .normalize('NFC')
      .replaceAll('\\', '/')
      .replace(/^(\.?\/)+/, '');
    const forms = [plain, withoutExtension(plain)];
    for (const form of forms) {
      const id = this.#whole.get(form) ?? endsOf(form).flatMap((end) => this.#whole.get(end) ?? [])[0];
      if (id !== undefined) return id;
    }
    for (const form of forms) {
      const id = this.#ends.get(form);
      if (id === null) {
        throw new UserError(
          `"${line}" in ${list} may be one of several photos: write its path below the folder of photos.`,
        );
      }
      if (id !== undefined) return id;
    }
    return null;
  }
}

const nameOf = (path: string): string => withoutExtension(path).normalize('NFC');

/** "a/b/c" as "b/c" and "c". */
function endsOf(name: string): string[] {
  const parts = name.split('/');
  return parts.slice(1).map((_, i) => parts.slice(i + 1).join('/'));
}
