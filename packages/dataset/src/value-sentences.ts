/** Sentences about values of masks that are no class: what most likely makes them right. Pure. */
import type { DataConfig } from '@unet-fleet/shared';
import type { OccurringValues } from './settle-values.ts';
import { shareOf } from './settle-values.ts';
import type { OutOfRange } from './types.ts';

/** A higher value is hardly a class that was forgotten. */
const MAX_SUGGESTED_CLASSES = 1024;

/** The negative value that is left out by default is told once, as nobody has asked for it. */
export function ignoredNote(values: OccurringValues, data: DataConfig): string | null {
  if (data.maskValues !== 'auto' || data.palette !== '' || data.ignoreIndex >= 0) return null;
  const { ignoreIndex, numPixels } = values;
  if (!numPixels.has(ignoreIndex)) return null;
  return `Masks hold ${ignoreIndex} ${shareOf(ignoreIndex, values)}: left out of loss and metrics (--ignore-index ${ignoreIndex}).`;
}

interface Classes {
  data: DataConfig;
  numClasses: number;
  /** Whether the run says which value is which class. */
  isListed: boolean;
  hasPalette: boolean;
}

/** Completes "mend them"; whatever it names works when it is followed. */
export function valueRemedy(
  wrong: readonly OutOfRange[],
  { data, numClasses, isListed, hasPalette }: Classes,
): string {
  if (wrong.length === 0) return '';
  if (hasPalette) return ', add the colours to the palette file';
  const texts = new Set(wrong.flatMap(({ values }) => values.map(({ value }) => value)));
  const values = [...texts].map(Number).sort((a, b) => a - b);
  if (!values.every(Number.isSafeInteger)) return '';
  const [lowest = 0, highest = 0] = [values[0], values.at(-1)];
  const remedies: string[] = [];
  const isIgnoring = data.ignoreIndex !== -1;
  if (values.length === 1 && !isIgnoring)
    remedies.push(`set --ignore-index ${lowest} if ${lowest} marks pixels to leave out`);
  if (isListed) remedies.push(`add to --mask-values what is a class`);
  else if (lowest >= numClasses && highest < MAX_SUGGESTED_CLASSES && highest !== 255) {
    remedies.push(
      `set --num-classes ${highest + 1} if ${values.length === 1 ? `${lowest} is a class` : 'they are classes'}`,
    );
  } else {
    remedies.push(`say which ${numClasses} values are the classes, in their order, with --mask-values`);
  }
  return `, ${remedies.join(', ')}`;
}
