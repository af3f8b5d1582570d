/** Loaded samples as the engine takes them, and the check that a plan's batches can be made of these photos at all. */
import { type DataConfig, UserError } from '@unet-fleet/law';
import { trainingSizeOf } from './training-size.ts';
import type { LoadedSample, Sample } from './types.ts';

/** images: NHWC in 0..1; labels: NHW. The engine's Batch. */
export interface SampleBatch {
  numImages: number;
  height: number;
  width: number;
  images: Float32Array;
  labels: Int32Array;
}

/** value / 255 in float32, for each byte. */
const unitOf = Float32Array.from({ length: 256 }, (_, value) => value / 255);

/** A photo's values in 0..1, whichever they are kept as. */
export function unitPixels(pixels: Uint8Array | Float32Array): Float32Array {
  if (pixels instanceof Float32Array) return pixels;
  const units = new Float32Array(pixels.length);
  for (let i = 0; i < pixels.length; i++) units[i] = unitOf[pixels[i] as number] as number;
  return units;
}

/** Joins samples of one size. Throws where they differ: `checkBatches` rules that out before training. */
export function toBatch(samples: readonly LoadedSample[]): SampleBatch {
  const [first] = samples;
  if (first === undefined) throw new Error('a batch needs a sample');
  const { width, height, channels } = first;
  const numPixels = width * height;
  const images = new Float32Array(samples.length * numPixels * channels);
  const labels = new Int32Array(samples.length * numPixels);
  for (const [i, sample] of samples.entries()) {
    if (sample.width !== width || sample.height !== height || sample.channels !== channels) {
      throw new Error(`a batch of ${width}x${height} and ${sample.width}x${sample.height} pixels`);
    }
    images.set(unitPixels(sample.pixels), i * sample.pixels.length);
    labels.set(sample.labels, i * numPixels);
  }
  return { numImages: samples.length, height, width, images, labels };
}

/**
 * Throws a UserError if the batch is larger than the training set, or if a leaf would hold photos of several sizes:
 * the images of one leaf are computed together.
 */
export function checkBatches(
  data: Pick<DataConfig, 'size' | 'scale'>,
  samples: readonly Sample[],
  { numTraining, batchSize, leafSize }: { numTraining: number; batchSize: number; leafSize: number },
): void {
  if (batchSize > numTraining) {
    throw new UserError(
      `A batch of ${batchSize} is larger than the training set of ${numTraining} photos: set --batch-size to ${numTraining} or less.`,
    );
  }
  const sizes = new Map<string, string>();
  for (const sample of samples) {
    const { width, height } = trainingSizeOf(data, sample);
    const key = `${width}x${height}`;
    if (!sizes.has(key)) sizes.set(key, sample.id);
  }
  if (sizes.size > 1 && leafSize > 1) {
    const [[one, oneId], [other, otherId]] = [...sizes] as [[string, string], [string, string]];
    throw new UserError(
      `Photos of several sizes (${oneId} is ${one}, ${otherId} is ${other}) cannot be computed together: set one --size, or --leaf-size 1.`,
    );
  }
}
