/**
 * Where the bytes of photos and masks come from. A file is named by what it is: its name says the format, its hash the
 * content, so that it does not matter who hands it over. Whoever uses the bytes checks the hash (load.ts).
 */
import { join } from 'node:path';
import { type DataConfig, UserError } from '@unet-fleet/law';
import { readPlain } from '@unet-fleet/shared';

export interface DataFile {
  kind: 'photo' | 'mask';
  /** Relative to the folder of its kind; the extension says the format. */
  name: string;
  sha256: string;
}

export interface ReadFile {
  bytes: Uint8Array;
  /** Where it lies on this machine, for messages, and for formats that a library reads by itself. */
  path: string;
}

/** Hands over a file. Rejects with a UserError if it can't be had. */
export type FileReader = (file: DataFile) => Promise<ReadFile>;

/** Reads from the folders of photos and masks. */
export const folderReader =
  ({ images, masks }: Pick<DataConfig, 'images' | 'masks'>): FileReader =>
  async ({ kind, name }) => {
    const path = join(kind === 'photo' ? images : masks, name);
    const bytes = await readPlain(path).catch((error: Error) => {
      throw new UserError(
        `Cannot read ${path} (${error.message}): this machine needs the same data as the run.`,
      );
    });
    return { bytes, path };
  };

/** The two files of a sample. */
export const filesOf = (sample: {
  photo: string;
  photoSha256: string;
  mask: string;
  maskSha256: string;
}): [DataFile, DataFile] => [
  { kind: 'photo', name: sample.photo, sha256: sample.photoSha256 },
  { kind: 'mask', name: sample.mask, sha256: sample.maskSha256 },
];
