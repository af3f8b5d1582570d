/**
 * Photos and masks of a run's validation set at training size, as the model sees them: read when asked for, the last ones
 * kept. What it keeps true: only samples of the run's own split are read, through the pairing that keeps paths inside the
 * data folders.
 */
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import {
  decodePhoto,
  maskMeaning,
  type Pair,
  pairFiles,
  readLabels,
  resizeLabels,
  resizePhoto,
  trainingSizeOf,
} from '@unet-fleet/dataset';
import { ignoredLabel, UserError } from '@unet-fleet/law';
import { toRgb } from '@unet-fleet/pictures';
import type { RunFolder } from '@unet-fleet/record';
import { readPlain } from '@unet-fleet/shared';
import { LRUCache } from 'lru-cache';
import sharp from 'sharp';
import type { RunHistory } from '../history/run-history.ts';

export interface SamplePicture {
  bytes: Buffer;
  width: number;
  height: number;
  /** Of a mask's label; 0 for a photo. */
  bytesPerPixel: 0 | 1 | 2;
}

const deflated = promisify(deflate);

const maxKeptBytes = 96 * 1024 * 1024;
/** Runs whose data folders were listed last. */
const maxListed = 8;
const jpegQuality = 90;

type PagePair = Pair & { page: number };

export class SamplePictures {
  readonly #pictures = new LRUCache<string, SamplePicture>({
    maxSize: maxKeptBytes,
    sizeCalculation: ({ bytes }) => bytes.length,
  });
  /** The same picture is not made twice at a time. */
  readonly #underWay = new Map<string, Promise<SamplePicture>>();
  readonly #samples = new LRUCache<string, Promise<Map<string, PagePair>>>({ max: maxListed });

  /** JPEG. Throws a UserError for an unknown id, or where the data is not on this machine. */
  photo(run: RunHistory, id: string): Promise<SamplePicture> {
    return this.#picture(`${run.runDir}\0photo\0${id}`, async () => {
      const pair = await this.#pair(run, id);
      const { data } = run.folder.config;
      const path = join(data.images, pair.photo);
      const photo = await decodePhoto(path, await readPlain(path), { ...data, page: pair.page });
      const size = trainingSizeOf(data, photo);
      const { pixels, ...shape } = toRgb(
        await resizePhoto(photo, size),
        size.width,
        size.height,
        data.channels,
      );
      const raw = { ...shape, channels: 3 as const };
      const bytes = await sharp(pixels, { raw }).jpeg({ quality: jpegQuality }).toBuffer();
      return { bytes, ...size, bytesPerPixel: 0 };
    });
  }

  /** Labels row by row, deflated; what does not count has the highest value of the type. */
  truth(run: RunHistory, id: string): Promise<SamplePicture> {
    return this.#picture(`${run.runDir}\0truth\0${id}`, async () => {
      const pair = await this.#pair(run, id);
      const { data } = run.folder.config;
      const path = join(data.masks, pair.mask);
      const mask = await readLabels(path, await readPlain(path), {
        ...(await maskMeaning(data)),
        page: pair.page,
      });
      // A sample's mask has the size of its photo: the scan has seen to it.
      const size = trainingSizeOf(data, mask);
      const labels = resizeLabels(mask.labels, mask, size);
      const numClasses = run.folder.record.classNames.length;
      const shown = shownLabels(labels, numClasses, ignoredLabel(data));
      return { bytes: await deflated(shown.bytes), ...size, bytesPerPixel: shown.bytesPerPixel };
    });
  }

  #picture(key: string, make: () => Promise<SamplePicture>): Promise<SamplePicture> {
    const kept = this.#pictures.get(key);
    if (kept) return Promise.resolve(kept);
    let made = this.#underWay.get(key);
    if (!made) {
      made = make()
        .then((picture) => {
          this.#pictures.set(key, picture);
          return picture;
        })
        .finally(() => this.#underWay.delete(key));
      this.#underWay.set(key, made);
    }
    return made;
  }

  async #pair({ folder, runDir }: RunHistory, id: string): Promise<PagePair> {
    const pair = (await this.#pairs(runDir, folder)).get(id);
    if (!pair) throw new UserError(`${JSON.stringify(id)} is no validation photo of this run`);
    return pair;
  }

  #pairs(runDir: string, folder: RunFolder): Promise<Map<string, PagePair>> {
    const known = this.#samples.get(runDir);
    if (known) return known;
    const pairs = validationPairs(folder);
    this.#samples.set(runDir, pairs);
    // A folder that is not there may be mounted later.
    pairs.catch(() => this.#samples.delete(runDir));
    return pairs;
  }
}

/** By id. */
async function validationPairs({ config, split }: RunFolder): Promise<Map<string, PagePair>> {
  const { pairs } = await pairFiles(config.data);
  const byId = new Map(pairs.map((pair) => [pair.id, pair]));
  const found = split.validation.flatMap((id): [string, PagePair][] => {
    const whole = byId.get(id);
    if (whole !== undefined) return [[id, { ...whole, page: 0 }]];
    // The page of a stack.
    const [, file = '', page = ''] = /^(.*)#(\d+)$/s.exec(id) ?? [];
    const pair = byId.get(file);
    return pair === undefined ? [] : [[id, { ...pair, page: Number(page) }]];
  });
  return new Map(found);
}

function shownLabels(labels: Uint8Array | Uint16Array, numClasses: number, ignoreIndex: number) {
  // The highest value of a byte is taken by what does not count.
  const bytesPerPixel = numClasses < 256 ? 1 : 2;
  const ignored = bytesPerPixel === 1 ? 0xff : 0xffff;
  const bytes = Buffer.alloc(labels.length * bytesPerPixel);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    const shown = label < numClasses && label !== ignoreIndex ? label : ignored;
    if (bytesPerPixel === 1) bytes[i] = shown;
    else bytes.writeUInt16LE(shown, 2 * i);
  }
  return { bytes, bytesPerPixel } as const;
}
