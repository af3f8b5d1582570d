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

export const sampleSet: SampleOptions = { numImages: 120, width: 192, height: 256, seed: 1 };

/** As flags: what `unet-fleet train` would be called with. */
export const sampleFlags: Readonly<Record<string, string>> = {
  size: '96x128',
  validationShare: '0.2',
  baseWidth: '16',
  epochs: '10',
  batchSize: '4',
  leafSize: '2',
  workers: '2',
  threads: '1',
};
