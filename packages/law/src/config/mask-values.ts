/**
 * --mask-values: which value of a mask's file is which class. A run's config says it in full ("0,255", "0..20,255"), so
 * that every worker, resume, evaluation and replay reads the same classes from the same files.
 */
import { UserError } from '../errors.ts';
import type { DataConfig } from './types.ts';

/** auto: settled from the values of the whole set when a run is made; as-is: the value is the class. */
export type MaskValues = 'auto' | 'as-is' | readonly number[];

/** Values that masks can have: those of 32 bits with a sign. */
export const minMaskValue = -(2 ** 31) + 1;
export const maxMaskValue = 2 ** 31 - 1;
/** Labels have 16 bits, and two of them are no class. */
const maxClasses = 65_534;

/** The label of pixels that are left out, where the ignored value itself can't stand for them; never a class. */
const ignoredElsewhere = 65_535;

/** "auto", "as-is", or values of the file in the order of their classes, runs of them as "0..20". Throws a UserError. */
export function parseMaskValues(text: string): MaskValues {
  if (text === 'auto' || text === 'as-is') return text;
  const values = listedValues(text);
  if (values === null || values.length < 2) throw unclear(text);
  if (new Set(values).size < values.length) {
    throw new UserError(`--mask-values ${text} names a value twice: each is one class, so name it once`);
  }
  return values;
}

/** "0,255" and "0..20,255"; null for what is no such list, or has more values than there can be classes. */
function listedValues(text: string): number[] | null {
  const values: number[] = [];
  for (const part of text.split(',')) {
    const [, first, last = first] = /^\s*(-?\d{1,10})\s*(?:\.\.\s*(-?\d{1,10}))?\s*$/.exec(part) ?? [];
    const [low, high] = [Number(first ?? Number.NaN), Number(last ?? Number.NaN)];
    if (!(low >= minMaskValue && high <= maxMaskValue && low <= high && high - low < maxClasses)) return null;
    for (let value = low; value <= high; value++) values.push(value);
    if (values.length > maxClasses) return null;
  }
  return values;
}

/** The values that --ignore-index leaves out: one, or a list as --mask-values takes it. Throws a UserError. */
export function ignoredValues(ignoreIndex: DataConfig['ignoreIndex']): readonly number[] {
  const values = listedValues(String(ignoreIndex));
  if (values !== null) return [...new Set(values)];
  throw new UserError(
    `--ignore-index ${ignoreIndex} are no values: give one, or several such as 0,255 or -1,250..255`,
  );
}

const unclear = (text: string) =>
  new UserError(
    `--mask-values ${text} are no values: give auto, as-is, or the values of at least two classes in their order, such as 0,255 or 0..20,255`,
  );

/** The shortest text that parseMaskValues reads as these: "0..20,255". */
export function formatMaskValues(values: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < values.length; ) {
    let end = i;
    while (end + 1 < values.length && values[end + 1] === (values[end] as number) + 1) end++;
    if (end - i >= 2) parts.push(`${values[i]}..${values[end]}`);
    else for (let k = i; k <= end; k++) parts.push(String(values[k]));
    i = end + 1;
  }
  return parts.join(',');
}

/**
 * What labels have for pixels that are left out: the ignored value itself (of several the first), unless it is negative
 * or one of the classes has its number.
 */
export function ignoredLabel({
  ignoreIndex,
  maskValues,
}: Pick<DataConfig, 'ignoreIndex' | 'maskValues'>): number {
  const values = parseMaskValues(maskValues);
  const numMapped = typeof values === 'string' ? 0 : values.length;
  const [first = -1] = ignoredValues(ignoreIndex);
  return first >= numMapped && first <= maxClasses - 1 ? first : ignoredElsewhere;
}
