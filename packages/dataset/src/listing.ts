/**
 * The listing of a run's data: what the scan found, as bytes that a worker without the data gets instead of scanning.
 * One JSON line for the set and one for each sample. It says what each file is (hash, size in pixels, name), and its
 * own identity is computed anew by whoever reads it, never taken from it.
 */
import { type DataConfig, UserError } from '@unet-fleet/law';
import { manifestSha256 } from './dataset.ts';
import type { Split } from './split.ts';
import type { Sample } from './types.ts';

export interface Listing {
  samples: Sample[];
  /** That the data brings along; null for one to be drawn. */
  split: Split | null;
  /** Of the palette file; '' without one. */
  paletteSha256: string;
  /** Identity of the data: manifestSha256 of the samples. */
  sha256: string;
}

const format = 'unet-fleet listing 2';

export function listingText({ samples, split, paletteSha256 }: Omit<Listing, 'sha256'>): string {
  const validating = new Set(split?.validation);
  const lines = samples.map(({ id, photo, mask, width, height, page, photoSha256, maskSha256 }) => {
    const facts = [id, photo, mask, width, height, page, photoSha256, maskSha256];
    return JSON.stringify(split === null ? facts : [...facts, validating.has(id)]);
  });
  return [JSON.stringify([format, paletteSha256, samples.length]), ...lines, ''].join('\n');
}

/** `data` says what masks mean, which is part of the identity. Throws a UserError if the text is no listing. */
export function parseListing(text: string, data: Pick<DataConfig, 'maskValues' | 'maskThreshold'>): Listing {
  const [head = '', ...lines] = text.split('\n');
  const [name, paletteSha256, numSamples] = parsedLine(head);
  if (name !== format || typeof paletteSha256 !== 'string' || lines.pop() !== '') throw damaged();
  if (numSamples !== lines.length || (paletteSha256 !== '' && !isSha256(paletteSha256))) throw damaged();
  const samples = lines.map(sampleOf);
  const split = splitOfLines(lines, samples);
  const sha256 = manifestSha256(samples, { ...data, paletteSha256, split });
  return { samples, split, paletteSha256, sha256 };
}

/** Whether each sample is for validation; null where the lines do not say. */
function splitOfLines(lines: readonly string[], samples: readonly Sample[]): Split | null {
  const isValidation = lines.map((line) => parsedLine(line)[8]);
  if (isValidation.every((value) => value === undefined)) return null;
  if (!isValidation.every((value) => typeof value === 'boolean')) throw damaged();
  const idsWhere = (wanted: boolean) =>
    samples.filter((_, i) => isValidation[i] === wanted).map(({ id }) => id);
  return { training: idsWhere(false), validation: idsWhere(true) };
}

function sampleOf(line: string): Sample {
  const [id, photo, mask, width, height, page, photoSha256, maskSha256] = parsedLine(line);
  if (!isText(id) || !isText(photo) || !isText(mask)) throw damaged();
  if (!Number.isSafeInteger(page) || (page as number) < 0) throw damaged();
  if (!isSide(width) || !isSide(height) || !isSha256(photoSha256) || !isSha256(maskSha256)) throw damaged();
  return { id, photo, mask, width, height, page: page as number, photoSha256, maskSha256 };
}

function parsedLine(line: string): unknown[] {
  try {
    const value: unknown = JSON.parse(line);
    if (Array.isArray(value)) return value;
  } catch {
    // Told below, as what is no list.
  }
  throw damaged();
}

const damaged = () => new UserError('The listing of the data is damaged: start the worker again.');
const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= 4_096;
const isSide = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
const isSha256 = (value: unknown): value is string =>
  typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
