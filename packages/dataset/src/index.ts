export * from './batch.ts';
export * from './dataset.ts';
export * from './files.ts';
export * from './inspect.ts';
export { DEFAULT_MAX_PIXELS, type PixelLimit } from './limits.ts';
export { compareText, listFolder } from './list-folder.ts';
export * from './listing.ts';
export { isLitter } from './litter.ts';
export * from './load.ts';
export { matchMasks } from './match-masks.ts';
export { hasSuffix, kindByFolder } from './names.ts';
export { openPack, type Pack, PackedFiles } from './pack/pack.ts';
export { isRemote } from './pack/range-source.ts';
export { type UnpackOptions, withUnpacked } from './pack/unpack.ts';
export { type PackOptions, type PackReport, writePack } from './pack/write-pack.ts';
export * from './pair.ts';
export { describeKind, type PictureKind } from './picture-kinds.ts';
export { proposePairing } from './propose-pairing.ts';
export { readClassNames } from './readers/class-names.ts';
export { extensionOf, numPagesOf } from './readers/containers.ts';
export { FileError } from './readers/file-error.ts';
export {
  type LabelledMask,
  labelsOf,
  type MaskConfig,
  type MaskMeaning,
  maskMeaning,
  readLabels,
} from './readers/labels.ts';
export { type MaskOptions, maskExtensionsOf, readMask } from './readers/mask.ts';
export { type Palette, type PaletteEntry, paletteNames, readPalette } from './readers/palette.ts';
export { decodePhoto, type Photo, type PhotoOptions, photoExtensions, photosAmong } from './readers/photo.ts';
export type { RawMask, ValueCount } from './readers/raster.ts';
export { describeUnread } from './readers/unread-formats.ts';
export * from './resize.ts';
export { sampleClasses } from './sample/figure.ts';
export { generateSample, type SampleSet, type SampleSetOptions } from './sample/generate.ts';
export * from './sample-cache.ts';
export { type ScanOptions, scanDataset } from './scan.ts';
export * from './split.ts';
export * from './types.ts';
