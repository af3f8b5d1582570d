/**
 * What the values of a set's masks mean, where nobody has said it (--mask-values auto). Pure: from the values that occur
 * in the whole set and the number of classes, if that is known, to a mapping that the run keeps, a sentence that tells
 * it, or the reason why only a person can say. docs/data.md states the rules.
 */
import { formatMaskValues } from '@unet-fleet/law';

export interface OccurringValues {
  /** Pixels of each value over the whole set. */
  numPixels: ReadonlyMap<number, number>;
  /** Masks that hold each value. */
  numMasks: ReadonlyMap<number, number>;
  /** Of --ignore-index. */
  ignored: readonly number[];
  /** As configuration, names or palette say; 0: nobody has said it. */
  numClasses: number;
  /** Whether it was --num-classes that said it. */
  isNumClassesGiven: boolean;
  classNames: readonly string[] | null;
}

export interface SettledValues {
  /** For the run's config: the values of the classes in their order, or 'as-is'. */
  maskValues: string;
  /** What is to be told, as it is no plain case. */
  note: string | null;
  /** Why there is no telling what they mean, with the options that say it: training stops. */
  fault: string | null;
}

/** Values that data sets use for pixels to leave out. */
const USUAL_IGNORED = [255, 65_535];
/** More values with gaps between them are hardly classes, but numbers of objects, heights or a photo. */
const MAX_MAPPED = 256;
/** As many values of a byte as a photo has and hardly a set of classes. */
const MIN_PHOTO_VALUES = 200;
/** Classes that a line names one by one. */
const MAX_TOLD = 4;
/** How near to black and white the values are that compression makes of them. */
const NEAR = 8;

const asIs: SettledValues = { maskValues: 'as-is', note: null, fault: null };
const stop = (fault: string): SettledValues => ({ ...asIs, fault });

export function settleMaskValues(found: OccurringValues): SettledValues {
  const { numPixels, ignored, numClasses } = found;
  const values = sortedValues(found);
  if (values.length === 0) {
    return numPixels.size === 0
      ? asIs
      : stop(
          `All pixels of the masks hold ${valuesText(ignored.filter((value) => numPixels.has(value)))}, which --ignore-index leaves out: there is nothing to learn; check --masks and --ignore-index.`,
        );
  }
  if (numClasses > 0 && values.every((value) => value >= 0 && value < numClasses)) return asIs;
  return softEdges(values, found) ?? usuallyIgnored(values, found) ?? mapped(values, found);
}

/** All but the ignored ones, ascending. */
export const sortedValues = ({
  numPixels,
  ignored,
}: Pick<OccurringValues, 'numPixels' | 'ignored'>): number[] =>
  [...numPixels.keys()].filter((value) => !ignored.includes(value)).sort((a, b) => a - b);

/** --ignore-index with these values besides those that it has. */
export function ignoring(
  more: readonly number[],
  { numPixels, ignored }: Pick<OccurringValues, 'numPixels' | 'ignored'>,
): string {
  // -1 is the default, which most sets do not hold.
  const kept = ignored.filter((value) => value !== -1 || numPixels.has(value));
  return `--ignore-index ${[...kept, ...more].sort((a, b) => a - b).join(',')}`;
}

/** "0, 128 and 255", "0..20 and 255", "0, 3, 5 and 40 more" */
function valuesText(values: readonly number[]): string {
  const parts = formatMaskValues(values).split(',');
  if (parts.length > 12) return `${parts.slice(0, 8).join(', ')} and ${values.length - 8} more`;
  return parts.length === 1 ? parts.join() : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

/** Whether values are classes by themselves: 0 occurs (or is ignored), and no more are missing than are there. */
function areClasses(values: readonly number[], ignored: readonly number[]): boolean {
  const highest = values.at(-1) as number;
  const numPresent = values.length + ignored.filter((value) => value >= 0 && value < highest).length;
  const hasZero = values[0] === 0 || ignored.includes(0);
  const numMissing = highest + 1 - numPresent;
  const isFromOne = !hasZero && numMissing === 1;
  return (values[0] as number) >= 0 && !isFromOne && numMissing <= numPresent;
}

/** Black and white with what compression, resizing or antialiasing makes of them at edges. */
function softEdges(values: readonly number[], found: OccurringValues): SettledValues | null {
  const { numPixels, numClasses, isNumClassesGiven, classNames } = found;
  const [lowest = 0, highest = 0] = [values[0], values.at(-1)];
  if (lowest < 0 || lowest > NEAR || highest > 255 || highest < 255 - NEAR) return null;
  const between = values.filter((value) => value > 0 && value < 255);
  if (between.length < 2 || values.length === numClasses || (classNames?.length ?? 0) > 2) return null;
  const count = (isCounted: (value: number) => boolean) =>
    values.reduce((sum, value) => sum + (isCounted(value) ? (numPixels.get(value) ?? 0) : 0), 0);
  const all = count(() => true);
  const share = (isCounted: (value: number) => boolean) => count(isCounted) / all;
  const isNearBlack = (value: number) => value <= NEAR;
  const isNearWhite = (value: number) => value >= 255 - NEAR;
  const atEnds = share((value) => isNearBlack(value) || isNearWhite(value));
  const isMany = between.length >= 32 && atEnds >= 0.8;
  // Compression leaves its values beside both ends; classes there are not crowded beside 255 as well as beside 0.
  const isCrowded = between.some(isNearBlack) && between.some((v) => isNearWhite(v)) && atEnds >= 0.8;
  const isThin =
    between.some((v) => v < 128) &&
    between.some((v) => v >= 128) &&
    share((v) => v === 0 || v === 255) >= 0.95;
  if (!isMany && !isCrowded && !isThin) return null;
  const shareText = percentText(share((value) => value > 0 && value < 255));
  const countOf = (count: number) =>
    isNumClassesGiven && count !== numClasses ? ` --num-classes ${count}` : '';
  const asClasses =
    values.length <= 32
      ? `, or, if each is a class, list them with --mask-values ${formatMaskValues(values)}${countOf(values.length)}`
      : '';
  return stop(
    `Masks hold black and white (0 and 255) with ${between.length} values in between (${shareText} of the pixels), as compression or resizing makes them at edges: read 128 and more as class 1 and the rest as class 0 with --mask-threshold 128${countOf(2)}${asClasses}.`,
  );
}

/** 255 (or 65535) beside values that are classes without it. */
function usuallyIgnored(values: readonly number[], found: OccurringValues): SettledValues | null {
  const { ignored, numClasses, isNumClassesGiven } = found;
  const usual = values.find((value) => USUAL_IGNORED.includes(value));
  if (usual === undefined || usual !== values.at(-1)) return null;
  const rest = values.slice(0, -1);
  if (rest.length < 2) return null;
  const isFromOne = rest[0] === 1 && rest.length === rest.at(-1);
  const fits =
    numClasses > 0
      ? rest.every((value) => value >= 0 && value < numClasses)
      : areClasses(rest, ignored) || isFromOne;
  if (!fits || (rest.at(-1) as number) > usual - NEAR) return null;
  const first = isFromOne && numClasses === 0 ? 1 : 0;
  const last = numClasses > 0 ? numClasses - 1 : (rest.at(-1) as number);
  const classes = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const count = isNumClassesGiven ? ` --num-classes ${classes.length + 1}` : '';
  return stop(
    `${usual} ${shareOf(usual, found)} beside ${valuesText(rest)} usually marks pixels to leave out: say so with ${ignoring([usual], found)}, or, if it is a class, with --mask-values ${formatMaskValues([...classes, usual])}${count}.`,
  );
}

function mapped(values: readonly number[], found: OccurringValues): SettledValues {
  const { numClasses, ignored, classNames, numPixels } = found;
  const listed = formatMaskValues(values);
  if (numClasses > 0) {
    // Which of them is which class is only sure where each has one.
    return values.length === numClasses ? mappedTo(values, classNames) : asIs;
  }
  const [only] = values;
  if (values.length === 1 && only !== undefined) {
    const leftOut = ignored.filter((value) => numPixels.has(value));
    const other = leftOut[0] ?? (only === 0 ? 255 : 0);
    const beside =
      leftOut.length > 0
        ? ` beside ${valuesText(leftOut)}, which ${leftOut.length > 1 ? 'are' : 'is'} left out`
        : '';
    const pair = formatMaskValues([only, other].sort((a, b) => a - b));
    return stop(
      `All masks hold the value ${only} alone${beside}: there is nothing to learn; check --masks, or say the values of the classes, such as --mask-values ${pair}${leftOut.length > 0 && other !== -1 ? ' without --ignore-index' : ''}.`,
    );
  }
  if (values.length >= MIN_PHOTO_VALUES && values.at(-1) === 255) {
    return stop(
      `Masks hold ${values.length} different values up to 255, as photos do and classes hardly: check --masks, or, if they are classes, set --num-classes 256.`,
    );
  }
  if (areClasses(values, ignored)) return asIs;
  if (values.length > MAX_MAPPED) {
    return stop(
      `Masks hold ${values.length} different values from ${values[0]} to ${values.at(-1)}, which are hardly classes: check --masks, or list those that are with --mask-values.`,
    );
  }
  // A negative value among classes is more likely one to leave out than the first of them.
  if ((values[0] as number) < 0 && values.length > 2) {
    return stop(
      `Masks hold ${valuesText(values)}, and a negative value is hardly a class: leave it out with ${ignoring(
        values.filter((value) => value < 0),
        found,
      )}, or, if each is a class, list them with --mask-values ${listed}.`,
    );
  }
  return mappedTo(values, classNames);
}

function mappedTo(values: readonly number[], names: readonly string[] | null): SettledValues {
  const listed = formatMaskValues(values);
  const classOf = (index: number) =>
    `class ${index}${names?.[index] === undefined ? '' : ` (${names[index]})`}`;
  const classes = values.map((_, index) => classOf(index));
  const read =
    values.length <= MAX_TOLD
      ? `${classes.slice(0, -1).join(', ')} and ${classes.at(-1)}`
      : names === null
        ? `classes 0 to ${values.length - 1}, in this order`
        : `${classes.slice(0, MAX_TOLD).join(', ')} and so on`;
  const note = `Masks hold ${valuesText(values)}: read as ${read} (--mask-values ${listed}).`;
  return { maskValues: listed, note, fault: null };
}

/** "in 12 masks (5.1 % of the pixels)" */
export function shareOf(
  value: number,
  { numPixels, numMasks }: Pick<OccurringValues, 'numPixels' | 'numMasks'>,
): string {
  let all = 0;
  for (const count of numPixels.values()) all += count;
  const masks = numMasks.get(value) ?? 0;
  return `in ${masks} mask${masks === 1 ? '' : 's'} (${percentText((numPixels.get(value) ?? 0) / all)} of the pixels)`;
}

const percentText = (share: number): string =>
  share < 0.001 ? 'under 0.1 %' : `${(share * 100).toFixed(1)} %`;
