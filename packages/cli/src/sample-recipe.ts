/**
 * The sample set and how the quick start trains on it: small enough for minutes on two cores, large enough for
 * pictures worth looking at.
 */
export interface SampleOptions {
  numImages: number;
  /** Pixels. */
  width: number;
  height: number;
  seed: number;
}

export const sampleSet: SampleOptions = { numImages: 240, width: 192, height: 256, seed: 1 };

/**
 * As flags: what `unet-fleet train` would be called with. Not the classic recipe of the defaults, which takes many more
 * epochs to tell small classes apart: Adam with warm-up and a cosine gets there in minutes.
 */
export const sampleFlags: Readonly<Record<string, string>> = {
  size: '96x128',
  validationShare: '0.1',
  baseWidth: '16',
  epochs: '8',
  batchSize: '2',
  leafSize: '1',
  optimizer: 'adam',
  learningRate: '0.003',
  schedule: 'cosine',
  warmupSteps: '86',
  clip: 'none',
  workers: '2',
  threads: '1',
};
