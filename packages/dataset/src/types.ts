/** What the data set is to the rest of the system: a list of samples, and a way to load one. */
import type { PictureKind } from './picture-kinds.ts';
import type { ValueCount } from './readers/raster.ts';
import type { Split } from './split.ts';

/** A photo with its mask, as the scan found them. Paths are relative to the images and masks folders. */
export interface Sample {
  /** Path below the folder without extension (and without the mask suffix); unique, and the sort key of the set. */
  id: string;
  photo: string;
  mask: string;
  /** Pixels, after turning. */
  width: number;
  height: number;
  /** Of photo and mask, where they are stacks of pages; 0 elsewhere. */
  page: number;
  photoSha256: string;
  maskSha256: string;
}

/** A sample at training size. pixels: HWC, bytes 0..255 or float32 0..1. labels: HW class indices. */
export interface LoadedSample {
  width: number;
  height: number;
  channels: number;
  pixels: Uint8Array | Float32Array;
  labels: Uint8Array | Uint16Array;
}

export interface Size {
  width: number;
  height: number;
}

/** A pair whose photo and mask differ in size. */
export interface SizeMismatch {
  id: string;
  photo: Size;
  mask: Size;
}

/** A mask with values that are no class. */
export interface OutOfRange {
  id: string;
  /** Relative to the masks folder. */
  mask: string;
  values: ValueCount[];
}

export interface Unreadable {
  /** Id of the pair that is lost with it. */
  id: string;
  path: string;
  reason: string;
}

/** All that a scan found out. Every list is in the order of ids. */
export interface ScanReport {
  images: string;
  masks: string;
  /** The kinds of files whose pairs were read, the most frequent first. */
  photoKinds: PictureKind[];
  maskKinds: PictureKind[];
  /** --orientation and --value-range as they are settled for this data; the range is 'auto' where there is none. */
  orientation: 'photo' | 'stored';
  valueRange: string;
  /** The good pairs. */
  samples: Sample[];
  /** Of the good pairs, where the data brings one along; null for one to be drawn. */
  split: Split | null;
  /** Paths relative to their folder. */
  photosWithoutMasks: string[];
  masksWithoutPhotos: string[];
  /** Where nothing is paired: the options by which something would be, as the end of a sentence; null if unknown. */
  pairingProposal: string | null;
  sizeMismatches: SizeMismatch[];
  outOfRange: OutOfRange[];
  unreadable: Unreadable[];
  /** Files of kinds that are not read. */
  numOtherFiles: number;
  /** What is no file at all, with what it is. */
  noFiles: string[];
  /** Of formats that are not read, what lies where masks of photos without one would; null for nothing. */
  unreadMasks: string | null;
  /** --mask-values as it is settled for this data: the values of the classes in their order, or 'as-is'. */
  maskValues: string;
  /** What is to be told about how the files were taken and what the values of the masks are, one sentence each. */
  notes: string[];
  /** What a person should look at before training, one sentence each. */
  warnings: string[];
  /** Why there is no telling what the values mean, with the options that say it; null if there is. */
  fault: string | null;
  /** Lines of a palette file for masks whose colours nobody has named, to be ordered and named by a person. */
  suggestedPalette: string[];
  /** What most likely makes values right that are no class; completes "mend them, …"; '' for nothing. */
  remedy: string;
  /** From the configuration, the names, the palette or the mapping; or else the highest value in the masks + 1. */
  numClasses: number;
  isNumClassesGuessed: boolean;
  /** One for each class. */
  classNames: string[];
  /** Over the good pairs, by class. */
  classPixels: number[];
  classImages: number[];
  /** Pixels with the ignore index. */
  ignoredPixels: number;
  /** Sizes of the good photos, the most frequent first. */
  sizes: (Size & { numImages: number })[];
  /** Of the palette file; '' without one. */
  paletteSha256: string;
  /** Files that were looked up in the cache of an earlier scan, of all photos and masks of pairs. */
  numCachedFiles: number;
}

/** The data of a run, after the policies for unpaired and wrong files. */
export interface Dataset {
  samples: Sample[];
  /** The split that the data brings along; null for one to be drawn. */
  split: Split | null;
  numClasses: number;
  classNames: string[];
  classPixels: number[];
  /** Of the palette file; '' without one. */
  paletteSha256: string;
  /** Options as they are settled for this data. */
  maskValues: string;
  orientation: 'photo' | 'stored';
  valueRange: string;
  /** manifestSha256 of the samples. */
  sha256: string;
  /** How files and values were taken, where that is no plain case, one sentence each. */
  notes: string[];
  /** What was left out and what looks odd, one sentence each. */
  warnings: string[];
}
