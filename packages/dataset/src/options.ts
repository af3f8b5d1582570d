/** What the data options say together with the files they name: class names, palette, number of classes. */
import { type DataConfig, ignoredValues, parseMaskValues, UserError } from '@unet-fleet/law';
import { type ClassNames, readClassList } from './readers/class-names.ts';
import { type Palette, paletteNames, readPalette } from './readers/palette.ts';

export interface DataOptions {
  palette: Palette | null;
  /** From the list or the palette; null if there are none. */
  classNames: string[] | null;
  /** The value of each class, where the list of names says it and it is not the class itself; else null. */
  listedValues: number[] | null;
  /** 0: not said; the masks decide. */
  numClasses: number;
}

/** Reads the palette and the class names. Throws a UserError if they contradict each other, numClasses or maskValues. */
export async function readDataOptions(data: DataConfig): Promise<DataOptions> {
  const palette = data.palette === '' ? null : await readPalette(data.palette);
  const named = palette === null ? null : paletteNames(palette, ignoredValues(data.ignoreIndex));
  const list = data.classNames === '' ? null : withoutIgnored(await readClassList(data.classNames), data);
  const classNames = list?.names ?? named;
  if (data.numClasses === 1)
    throw new UserError('One class alone cannot be learned: set --num-classes to 2 or more.');
  if (data.numClasses > 0 && classNames !== null && classNames.length > data.numClasses) {
    const source = data.classNames !== '' ? data.classNames : data.palette;
    throw new UserError(
      `${source} names ${classNames.length} classes but --num-classes is ${data.numClasses}: make them agree, or leave --num-classes out.`,
    );
  }
  const numListed = numMappedClasses(data);
  if (numListed > 0 && data.numClasses > 0 && data.numClasses !== numListed) {
    throw new UserError(
      `${mappedBy(data)} makes ${numListed} classes but --num-classes is ${data.numClasses}: make them agree, or leave --num-classes out.`,
    );
  }
  if (numListed > 0 && classNames !== null && classNames.length > numListed) {
    throw new UserError(
      `${mappedBy(data)} makes ${numListed} classes but ${data.classNames} names ${classNames.length}: make them agree.`,
    );
  }
  return {
    palette,
    classNames,
    listedValues:
      palette === null && data.maskValues === 'auto' && data.maskThreshold === 0
        ? (list?.values ?? null)
        : null,
    numClasses: numListed || data.numClasses || classNames?.length || paletteClasses(palette, data),
  };
}

const mappedBy = ({ maskValues, maskThreshold }: DataConfig): string =>
  maskThreshold > 0 ? `--mask-threshold ${maskThreshold}` : `--mask-values ${maskValues}`;

/** Classes that a list of values or a threshold makes; 0 without. Throws where two options say what values mean. */
function numMappedClasses(data: DataConfig): number {
  const { palette, maskThreshold, ignoreIndex } = data;
  const values = parseMaskValues(data.maskValues);
  const isListed = typeof values !== 'string';
  if (palette !== '' && (isListed || maskThreshold > 0)) {
    throw new UserError(
      `--palette ${palette} and ${mappedBy(data)} both say what the masks' values mean: leave one out.`,
    );
  }
  if (isListed && maskThreshold > 0) {
    throw new UserError(
      `--mask-threshold ${maskThreshold} and --mask-values ${data.maskValues} both say what the masks' values mean: leave one out.`,
    );
  }
  // -1 is the default, which a list may overrule.
  const both = isListed && ignoreIndex !== -1 && values.find((v) => ignoredValues(ignoreIndex).includes(v));
  if (typeof both === 'number') {
    throw new UserError(
      `--mask-values ${data.maskValues} has ${both} as a class, and --ignore-index ${ignoreIndex} leaves it out: leave one out.`,
    );
  }
  if (maskThreshold > 0) return 2;
  return isListed ? values.length : 0;
}

/** A list that names what is left out as well names no class by that. */
function withoutIgnored({ names, values }: ClassNames, { ignoreIndex }: DataConfig): ClassNames {
  const ignored = ignoredValues(ignoreIndex);
  if (values === null || !values.some((value) => ignored.includes(value))) return { names, values };
  const kept = values.flatMap((value, index) => (ignored.includes(value) ? [] : [index]));
  const keptValues = kept.map((index) => values[index] as number);
  return {
    names: kept.map((index) => names[index] as string),
    values: keptValues.every((value, index) => value === index) ? null : keptValues,
  };
}

function paletteClasses(palette: Palette | null, { ignoreIndex }: DataConfig): number {
  if (palette === null) return 0;
  const classes = palette.entries
    .map(({ classIndex }) => classIndex)
    .filter((index) => !ignoredValues(ignoreIndex).includes(index));
  return Math.max(-1, ...classes) + 1;
}
