/** What the data set is to the rest of the system: a list of samples, and a way to load one. */

/** A photo with its mask, as the scan found them. Paths are relative to the images and masks folders. */
export interface Sample {
  /** File name without extension (and without the mask suffix); unique, and the sort key of the set. */
  id: string;
  photo: string;
  mask: string;
  /** Pixels, after EXIF orientation. */
  width: number;
  height: number;
  photoSha256: string;
  maskSha256: string;
}

/** A sample at training size. pixels: HWC, 0..255. labels: HW class indices. */
export interface LoadedSample {
  width: number;
  height: number;
  channels: number;
  pixels: Uint8Array;
  labels: Uint8Array | Uint16Array;
}
