/** What the data options say together with the files they name: class names, palette, number of classes. */
import { type DataConfig, UserError } from '@unet-fleet/shared';
import { readClassNames } from './readers/class-names.ts';
import { type Palette, paletteNames, readPalette } from './readers/palette.ts';

export interface DataOptions {
  palette: Palette | null;
  /** From the list or the palette; null if there are none. */
  classNames: string[] | null;
  /** 0: not said; the masks decide. */
  numClasses: number;
}

/** Reads the palette and the class names. Throws a UserError if they contradict numClasses. */
export async function readDataOptions(data: DataConfig): Promise<DataOptions> {
  const palette = data.palette === '' ? null : await readPalette(data.palette);
  const named = palette === null ? null : paletteNames(palette, data.ignoreIndex);
  const classNames = data.classNames === '' ? named : await readClassNames(data.classNames);
  if (data.numClasses === 1)
    throw new UserError('One class alone cannot be learned: set --num-classes to 2 or more.');
  if (data.numClasses > 0 && classNames !== null && classNames.length > data.numClasses) {
    const source = data.classNames !== '' ? data.classNames : data.palette;
    throw new UserError(
      `${source} names ${classNames.length} classes but --num-classes is ${data.numClasses}: make them agree, or leave --num-classes out.`,
    );
  }
  return {
    palette,
    classNames,
    numClasses: data.numClasses || classNames?.length || paletteClasses(palette, data),
  };
}

function paletteClasses(palette: Palette | null, { ignoreIndex }: DataConfig): number {
  if (palette === null) return 0;
  const classes = palette.entries
    .map(({ classIndex }) => classIndex)
    .filter((index) => index !== ignoreIndex);
  return Math.max(-1, ...classes) + 1;
}
