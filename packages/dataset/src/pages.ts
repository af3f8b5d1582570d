/**
 * Pages of stacks are samples of their own: page k of a photo and page k of its mask are the pair "id#k". Files that hold
 * one picture are as they were. Pure.
 */
import { counted, UserError } from '@unet-fleet/law';
import { compareText } from './list-folder.ts';
import type { Pair } from './pair.ts';
import type { FileFacts, Finding, MaskFacts, PhotoFacts } from './scan-cache.ts';

export interface FilePair {
  pair: Pair;
  photo: Finding<FileFacts<PhotoFacts>>;
  mask: Finding<FileFacts<MaskFacts>>;
}

export interface PairFinding {
  pair: Pair;
  /** Id of the whole files. */
  fileId: string;
  /** Of both files. */
  page: number;
  /** Pages of the photo's file. */
  numPages: number;
  photo: Finding<PageOf<PhotoFacts>>;
  mask: Finding<PageOf<MaskFacts>>;
}

/** With the hash of the whole file. */
export type PageOf<T> = T & { sha256: string };

/** In the order of ids. Throws a UserError where a page has the id of another photo. */
export function pagesOf(pairs: readonly FilePair[]): PairFinding[] {
  const found = pairs.flatMap(pagesOfPair).sort((a, b) => compareText(a.pair.id, b.pair.id));
  const twice = found.find(({ pair }, i) => pair.id === found[i - 1]?.pair.id);
  if (twice !== undefined) {
    throw new UserError(
      `There are two samples with the id ${twice.pair.id}, a photo and a page of a stack of pages: rename the photo.`,
    );
  }
  return found;
}

function pagesOfPair({ pair, photo, mask }: FilePair): PairFinding[] {
  if ('error' in photo || 'error' in mask) {
    return [{ pair, fileId: pair.id, page: 0, numPages: 1, photo: firstOf(photo), mask: firstOf(mask) }];
  }
  const [photos, masks] = [photo.ok.pages, mask.ok.pages];
  if (photos.length !== masks.length) {
    const reason = `it has ${counted(masks.length, 'page')}, its photo ${counted(photos.length, 'page')}; each page of a photo needs a page of its mask`;
    return [{ pair, fileId: pair.id, page: 0, numPages: 1, photo: firstOf(photo), mask: { error: reason } }];
  }
  return photos.map((facts, page) => ({
    pair: photos.length === 1 ? pair : { ...pair, id: `${pair.id}#${page}` },
    fileId: pair.id,
    page,
    numPages: photos.length,
    photo: { ok: { ...facts, sha256: photo.ok.sha256 } },
    mask: { ok: { ...(masks[page] as MaskFacts), sha256: mask.ok.sha256 } },
  }));
}

function firstOf<T>(finding: Finding<FileFacts<T>>): Finding<PageOf<T>> {
  if ('error' in finding) return finding;
  return { ok: { ...(finding.ok.pages[0] as T), sha256: finding.ok.sha256 } };
}
