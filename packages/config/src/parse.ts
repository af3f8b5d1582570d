/** Reads the options whose text has a form of its own. Each throws a UserError that shows the form. */
import { UserError } from '@unet-fleet/law';

/** Whether a place is named by its address, and not as a path. */
export const isUrl = (text: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(text);

/** Four halvings leave one pixel of this many. */
const minSide = 1;
/** Largest training width or height in pixels: far above what a U-Net is trained on, far below what memory holds. */
const maxSide = 16_384;

/** "256x192" -> width 256, height 192, in pixels; '' -> null, which means that --scale decides. */
export function parseSize(text: string): { width: number; height: number } | null {
  if (text === '') return null;
  const match = /^(\d{1,5})x(\d{1,5})$/.exec(text);
  const [width, height] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || width < minSide || height < minSide || width > maxSide || height > maxSide) {
    throw new UserError(
      `--size ${text} is no size: give width x height in pixels, each from ${minSide} to ${maxSide}, such as 256x192`,
    );
  }
  return { width, height };
}

/** '' -> null (all weigh 1), 'balanced' (from the class frequencies), or the weights, one per class. */
export function parseClassWeights(text: string): 'balanced' | number[] | null {
  if (text === '') return null;
  if (text === 'balanced') return text;
  const weights = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (
    weights.some((weight) => !Number.isFinite(weight) || weight < 0) ||
    !weights.some((weight) => weight > 0)
  ) {
    throw new UserError(
      `--class-weights ${text} are no weights: give balanced, or one number of at least 0 per class separated by commas, not all 0`,
    );
  }
  return weights;
}

/** What the numbers of a file are; floats of all widths are one. */
const valueTypes = [
  'uint8',
  'int8',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'uint64',
  'int64',
  'float',
] as const;
export type ValueType = (typeof valueTypes)[number];

/** `low` becomes 0 and `high` 1, in photos whose values are of the type; null: of any. */
export interface ValueRange {
  low: number;
  high: number;
  type: ValueType | null;
}

/** 'auto', 'type', or the range: "0..4095", or "12..3877 of uint16", as auto is written into a run. */
export function parseValueRange(text: string): 'auto' | 'type' | ValueRange {
  if (text === 'auto' || text === 'type') return text;
  const number = String.raw`([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)`;
  const match = new RegExp(`^${number}\\.\\.${number}(?: of ([a-z0-9]+))?$`, 'i').exec(text.trim());
  const [low, high] = [Number(match?.[1]), Number(match?.[2])];
  const type = (match?.[3] ?? null) as ValueType | null;
  const isKnown = type === null || valueTypes.includes(type);
  if (!match || !isKnown || !Number.isFinite(low) || !Number.isFinite(high) || low >= high) {
    throw new UserError(
      `--value-range ${text} is no range: give auto, type, or two numbers, the lower one first, such as 0..4095`,
    );
  }
  return { low, high, type };
}

/** The inverse of parseValueRange: numbers in the shortest form that reads back as the same. */
export const formatValueRange = ({ low, high, type }: ValueRange): string =>
  `${low}..${high}${type === null ? '' : ` of ${type}`}`;
