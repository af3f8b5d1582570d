/**
 * Where the views get photos, masks and evaluations of a run from: loaded when asked for, kept while they are among the
 * ones used last, so that an hour of scrubbing takes no more memory than a minute.
 */

import { type LabelMap, labelMapOf } from '@unet-fleet/pictures/models/class-map';
import type { Evaluation } from './evaluation.ts';
import { Lru } from './lru.ts';
import type { Pixels } from './pixels.ts';

/** What is needed of the page's way to the server. Paths are relative to `api/`. */
export type Fetcher = (path: string) => Promise<Response>;

export interface PictureSource {
  photo(sampleId: string): Promise<Pixels>;
  truth(sampleId: string): Promise<LabelMap>;
  evaluation(step: number): Promise<Evaluation>;
  /** null where the photo was not followed at that step. */
  prediction(step: number, sampleId: string): Promise<LabelMap | null>;
}

/** Of 12 followed photos: about 30 steps of predictions, and the photos of two full lists. */
const maxPredictions = 360;
const maxPhotos = 32;
const maxEvaluations = 24;
/** Of each of the four: at usual sizes the numbers above come first, at large ones a phone has this much to spare. */
const maxBytes = 48 * 2 ** 20;

export function createPictureSource(fetcher: Fetcher, runName: string): PictureSource {
  const run = `runs/${encodeURIComponent(runName)}`;
  const photos = new Lru<Pixels>({ max: maxPhotos, maxBytes, bytesOf: ({ data }) => data.byteLength });
  const truths = new Lru<LabelMap>({
    max: maxPhotos,
    maxBytes,
    bytesOf: ({ labels }) => labels.byteLength,
  });
  const evaluations = new Lru<Evaluation>({ max: maxEvaluations, maxBytes, bytesOf: bytesOfEvaluation });
  const predictions = new Lru<LabelMap | null>({
    max: maxPredictions,
    maxBytes,
    bytesOf: (map) => map?.labels.byteLength ?? 0,
  });
  const sample = (id: string) => `${run}/samples/${encodeURIComponent(id)}`;

  const evaluation = (step: number) =>
    evaluations.get(String(step), async () => (await fetcher(`${run}/evaluations/${step}`)).json());

  return {
    evaluation,
    photo: (id) =>
      photos.get(id, async () => pixelsOfBlob(await (await fetcher(`${sample(id)}/photo`)).blob())),
    truth: (id) =>
      truths.get(id, async () => {
        const response = await fetcher(`${sample(id)}/truth`);
        const size = (name: string) => Number(response.headers.get(name));
        const bytes = new Uint8Array(await response.arrayBuffer());
        return labelMapOf(bytes, {
          width: size('x-width'),
          height: size('x-height'),
          bytesPerPixel: size('x-bytes-per-pixel') === 2 ? 2 : 1,
        });
      }),
    prediction: (step, id) =>
      predictions.get(`${step} ${id}`, async () => {
        const { pictures } = await evaluation(step);
        const index = pictures.findIndex(({ sampleId }) => sampleId === id);
        if (index < 0) return null;
        const response = await fetcher(`${run}/evaluations/${step}/${index}`);
        return labelMapOf(new Uint8Array(await response.arrayBuffer()), pictures[index]!);
      }),
  };
}

/** About: its matrices are nearly all of it, two numbers a cell. */
const bytesOfEvaluation = ({ confusion, leaves }: Evaluation): number =>
  [confusion, ...leaves.map((leaf) => leaf.confusion)].reduce(
    (sum, { indices }) => sum + indices.length * 2 * 8,
    0,
  );

async function pixelsOfBlob(blob: Blob): Promise<Pixels> {
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: 'none' });
  const { width, height } = bitmap;
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  return { width, height, data: data as Uint8ClampedArray<ArrayBuffer> };
}
