/**
 * Photos of bytes, reduced as sharp reduces them, which is what every run has been trained on: by sharp, or by our own
 * arithmetic where that has been shown to give the very same bytes on this machine. Which of them computes is no choice
 * that a run could depend on: for each size, both have reduced noise along that axis, in which a single weight that is
 * off by one shows, and if one byte differs, sharp it is.
 */
import {
  type AxisReduction,
  type BytePicture,
  leastRowBytes,
  reducePixels,
} from '@unet-fleet/numerics/pixels';
import { LRUCache } from 'lru-cache';
import sharp from 'sharp';
import { reductionOf, runLengths, wholeFactor } from './reduce-axis.ts';
import type { Size } from './types.ts';

/** A larger one is sharp's: the memory that our own arithmetic takes is not given back. */
const MAX_BYTES = 2 ** 26;
/** Extent of the noise across the axis that is tried. */
const NARROW = 32;

/** What has been tried: axis, channels and what the other axis does, to the plan; null where sharp gives other bytes. */
const plans = new LRUCache<string, Promise<AxisReduction | false>>({ max: 4_096 });

/** To a size that neither side of the picture is below. */
export async function reducePicture(picture: BytePicture, { width, height }: Size): Promise<Uint8Array> {
  if (picture.width === width && picture.height === height) return picture.pixels;
  const fits =
    picture.pixels.length <= MAX_BYTES && picture.width * picture.channels >= leastRowBytes && width >= 2;
  if (!fits) return reduceBySharp(picture, { width, height });
  const { channels } = picture;
  const columns = { from: picture.width, to: width };
  const rows = { from: picture.height, to: height };
  const [columnPlan, rowPlan] = await Promise.all([
    provenPlan('columns', columns, rows, channels),
    provenPlan('rows', rows, columns, channels),
  ]);
  if (columnPlan === false || rowPlan === false) return reduceBySharp(picture, { width, height });
  return reducePixels(picture, columnPlan, rowPlan);
}

/** By sharp alone. */
export async function reduceBySharp(
  picture: Omit<BytePicture, 'channels'> & { channels: 1 | 3 | 4 },
  { width, height }: Size,
): Promise<Uint8Array> {
  const { channels } = picture;
  if (picture.width === width && picture.height === height) return picture.pixels;
  const raw = { width: picture.width, height: picture.height, channels };
  const image = sharp(picture.pixels, { raw, limitInputPixels: false }).resize(width, height, {
    fit: 'fill',
    kernel: 'lanczos3',
  });
  // sharp would take one channel for a grey picture and write three.
  if (channels === 1) image.toColourspace('b-w');
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  if (info.channels !== channels) throw new Error(`resizing made ${info.channels} channels of ${channels}`);
  return data;
}

type Axis = 'columns' | 'rows';
interface Span {
  from: number;
  to: number;
}

/** The plan of an axis, once it has been tried; false where it is not to be used. `other`: the span across it. */
function provenPlan(axis: Axis, span: Span, other: Span, channels: 1 | 3): Promise<AxisReduction | false> {
  const otherFactor = wholeFactor(other.from, other.to);
  const isOtherMean = otherFactor > 1;
  const key = `${axis} ${span.from} ${span.to} ${channels} ${isOtherMean}`;
  const known = plans.get(key);
  if (known !== undefined) return known;
  const trying = tryPlan(axis, span, isOtherMean, channels);
  plans.set(key, trying);
  return trying;
}

async function tryPlan(
  axis: Axis,
  { from, to }: Span,
  isOtherMean: boolean,
  channels: 1 | 3,
): Promise<AxisReduction | false> {
  // Across the axis as little as has the library take the same way: means first, or the filter alone.
  const across = { from: NARROW, to: isOtherMean ? NARROW / 4 : NARROW / 2 };
  const isColumns = axis === 'columns';
  const [columns, rows] = isColumns ? [{ from, to }, across] : [across, { from, to }];
  const picture: BytePicture = {
    width: columns.from,
    height: rows.from,
    channels,
    pixels: noise(columns.from * rows.from * channels),
  };
  const factors = [columns, rows].map((span) => wholeFactor(span.from, span.to)) as [number, number];
  const runs = runLengths(...factors);
  const columnPlan = reductionOf(columns.from, columns.to, runs.columns);
  const rowPlan = reductionOf(rows.from, rows.to, runs.rows);
  const theirs = await reduceBySharp(picture, { width: columns.to, height: rows.to });
  const ours = reducePixels(picture, columnPlan, rowPlan);
  return Buffer.compare(theirs, ours) === 0 && (isColumns ? columnPlan : rowPlan);
}

/** The same each time. */
function noise(length: number): Uint8Array {
  const values = new Uint8Array(length);
  let state = 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    values[i] = state >>> 24;
  }
  return values;
}
