/** Sentences about values of masks that are no class: what most likely makes them right. Pure. */
import { type DataConfig, formatMaskValues, parseMaskValues } from '@unet-fleet/law';
import { ignoring, type OccurringValues, shareOf, sortedValues } from './settle-values.ts';
import type { OutOfRange } from './types.ts';

/** A higher value is hardly a class that was forgotten. */
const MAX_SUGGESTED_CLASSES = 1024;
/** What a person copies. */
const MAX_SUGGESTED_VALUES = 64;

/** The negative value that is left out by default is told once, as nobody has asked for it. */
export function ignoredNote(values: OccurringValues, data: DataConfig): string | null {
  const { ignored, numPixels } = values;
  const [only = 0, ...others] = ignored;
  if (data.maskValues !== 'auto' || data.palette !== '' || only >= 0 || others.length > 0) return null;
  if (!numPixels.has(only)) return null;
  return `Masks hold ${only} ${shareOf(only, values)}: left out of loss and metrics (--ignore-index ${only}).`;
}

interface Classes {
  data: DataConfig;
  numClasses: number;
  /** --mask-values as it is settled. */
  maskValues: string;
  hasPalette: boolean;
  /** Of --class-names; 0 without. */
  numNames: number;
  values: OccurringValues;
}

/** Completes "mend them"; whatever it names works when it is followed. */
export function valueRemedy(wrong: readonly OutOfRange[], classes: Classes): string {
  if (wrong.length === 0) return '';
  if (classes.hasPalette) return ', add the colours to the palette file';
  const texts = new Set(wrong.flatMap(({ values }) => values.map(({ value }) => value)));
  const values = [...texts].map(Number).sort((a, b) => a - b);
  if (!values.every(Number.isSafeInteger)) return asFractions(values.filter(Number.isFinite), classes);
  const isOne = values.length === 1;
  const remedies = [asClasses(values, isOne ? `${values[0]} is a class` : 'they are classes', classes)];
  if (isOne) {
    const leftOut = ignoring(values, classes.values);
    remedies.unshift(`set ${leftOut} if ${values[0]} marks pixels to leave out`);
  }
  return `, ${remedies.join(', ')}`;
}

/** Probabilities, or greys between black and white, make two classes by a threshold. */
function asFractions(values: readonly number[], { data, numNames }: Classes): string {
  const [lowest = -1, highest = -1] = [Math.min(...values), Math.max(...values)];
  const isTwo =
    (data.numClasses === 0 || data.numClasses === 2) && numNames <= 2 && data.maskValues === 'auto';
  if (values.length === 0 || !isTwo || lowest < 0 || highest > 255) return '';
  return `, set --mask-threshold ${highest <= 1 ? 0.5 : 128} if they are two classes with soft edges`;
}

function asClasses(values: readonly number[], condition: string, classes: Classes): string {
  const { data, numClasses, maskValues, numNames } = classes;
  const occurring = sortedValues(classes.values);
  const countOf = (count: number) => (data.numClasses > 0 ? ` --num-classes ${count}` : '');
  const listed = parseMaskValues(maskValues);
  if (typeof listed !== 'string') {
    const more = [...listed, ...values];
    return `set --mask-values ${formatMaskValues(more)}${countOf(more.length)} if ${condition}`;
  }
  const [lowest = 0, highest = 0] = [values[0], values.at(-1)];
  if (lowest >= numClasses && highest < MAX_SUGGESTED_CLASSES && highest !== 255) {
    return `set --num-classes ${highest + 1} if ${condition}`;
  }
  if (occurring.length >= Math.max(2, numNames) && occurring.length <= MAX_SUGGESTED_VALUES) {
    const all = formatMaskValues(occurring);
    return `set --mask-values ${all}${countOf(occurring.length)} if each of these values is a class`;
  }
  return `say which ${numClasses} values are the classes, in their order, with --mask-values`;
}
