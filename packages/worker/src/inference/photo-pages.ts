/** Stacks of pages among the photos to predict: each page is a photo of its own, as in training. */
import { readFile } from 'node:fs/promises';
import { FileError, numPagesOf } from '@unet-fleet/dataset';
import type { PhotoInput } from './inputs.ts';

export interface PhotoPage extends PhotoInput {
  /** Of the file, from 0; `id` is that of the page. */
  page: number;
}

/** Only formats that have pages are opened for it. */
const mayHavePages = /\.tiff?$/i;

/** A file that cannot be read stays one photo, and is told when its turn comes. */
export async function pagesOfPhotos(photos: readonly PhotoInput[]): Promise<PhotoPage[]> {
  const pages: PhotoPage[] = [];
  // A photo may be called as a page is, "a#0".
  const taken = new Set(photos.map(({ id }) => id));
  const freeId = (id: string): string => {
    let free = id;
    for (let number = 2; taken.has(free); number++) free = `${id}_${number}`;
    taken.add(free);
    return free;
  };
  for (const photo of photos) {
    const numPages = mayHavePages.test(photo.path) ? await numPagesAt(photo.path) : 1;
    for (let page = 0; page < numPages; page++) {
      pages.push({ ...photo, id: numPages === 1 ? photo.id : freeId(`${photo.id}#${page}`), page });
    }
  }
  return pages;
}

async function numPagesAt(path: string): Promise<number> {
  try {
    return await numPagesOf(path, await readFile(path));
  } catch (error) {
    if (error instanceof FileError || (error as NodeJS.ErrnoException).code !== undefined) return 1;
    throw error;
  }
}
