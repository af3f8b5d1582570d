/**
 * From the values of a mask to labels: class indices, with one more number for what is left out. What the values mean
 * (--mask-values, --mask-threshold, --ignore-index, --palette) is settled here and nowhere else, so that training,
 * evaluation, figures and the page read the same classes from a file.
 */
import { type DataConfig, ignoredLabel, ignoredValues, parseMaskValues } from '@unet-fleet/law';
import { FileError } from './file-error.ts';
import { type MaskOptions, readMask } from './mask.ts';
import { type Palette, readPalette } from './palette.ts';
import { NO_LABEL, type RawMask, StrangeValues, type ValueCount } from './raster.ts';

/** The part of the configuration that says what masks mean. */
export type MaskConfig = Pick<
  DataConfig,
  'matVariable' | 'palette' | 'maskValues' | 'maskThreshold' | 'ignoreIndex' | 'maxPixels' | 'orientation'
>;

export interface MaskMeaning extends MaskOptions {
  /** The class of each value; null: a value is its class. */
  classes: ReadonlyMap<number, number> | null;
  /** Values that are left out. */
  ignoredValues: ReadonlySet<number>;
  /** The label of what is left out. */
  ignored: number;
}

/** labels: HW class indices, or the meaning's `ignored`; a pixel that is neither is NO_LABEL and is in `strange`. */
export interface LabelledMask {
  width: number;
  height: number;
  labels: Uint8Array | Uint16Array;
  strange: ValueCount[];
}

/** Each palette is read once, as workers load thousands of samples. */
const palettes = new Map<string, Promise<Palette>>();

/** Throws a UserError where the palette file can't be read. `maskValues` must be settled: 'auto' counts as 'as-is'. */
export async function maskMeaning(data: MaskConfig): Promise<MaskMeaning> {
  const { matVariable, maskThreshold, ignoreIndex, maxPixels, orientation } = data;
  const values = parseMaskValues(data.maskValues);
  return {
    matVariable,
    maxPixels,
    orientation,
    palette: data.palette === '' ? null : await paletteAt(data.palette),
    maskThreshold,
    classes: typeof values === 'string' ? null : new Map(values.map((value, index) => [value, index])),
    ignoredValues: new Set(ignoredValues(ignoreIndex)),
    ignored: ignoredLabel(data),
  };
}

function paletteAt(path: string): Promise<Palette> {
  const known = palettes.get(path) ?? readPalette(path);
  palettes.set(path, known);
  // One that can't be read may be mended.
  known.catch(() => palettes.delete(path));
  return known;
}

/** Reads a mask's labels by the format that its name says. Throws a FileError that names the file. */
export async function readLabels(
  path: string,
  bytes: Uint8Array,
  meaning: MaskMeaning,
): Promise<LabelledMask> {
  const mask = await readMask(path, bytes, meaning);
  if (mask.isColour) {
    throw new FileError(path, 'it has colours, not class indices; name its palette file with --palette');
  }
  return labelsOf(mask, meaning);
}

export function labelsOf(
  { width, height, values, strange }: Omit<RawMask, 'isColour' | 'colors'>,
  meaning: MaskMeaning,
): LabelledMask {
  const labelOf = labeller(meaning);
  // One ignored value of bytes is its own label; of several, all get the label of the first.
  const isUnchanged =
    meaning.classes === null && meaning.ignoredValues.size === 1 && values instanceof Uint8Array;
  if (isUnchanged) return { width, height, labels: values, strange };
  if (values instanceof Uint8Array && strange.length === 0) {
    const bytes = labelsOfBytes(values, labelOf);
    if (bytes !== null) return { width, height, labels: bytes, strange };
  }
  const wide = new Uint16Array(values.length);
  const found = new StrangeValues();
  let highest = 0;
  let lastValue = Number.NaN;
  let label = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value !== lastValue) {
      lastValue = value;
      label = labelOf(value);
      if (label > highest) highest = label;
    }
    wide[i] = label;
    if (label === NO_LABEL && strange.length === 0) found.add(String(value));
  }
  const labels = highest > 255 ? wide : Uint8Array.from(wide);
  return { width, height, labels, strange: strange.length > 0 ? strange : found.toList() };
}

/** By a table, as masks of bytes have the same few values hundred thousands of times; null where one has no label of a byte. */
function labelsOfBytes(values: Uint8Array, labelOf: (value: number) => number): Uint8Array | null {
  const table = Uint16Array.from({ length: 256 }, (_, value) => labelOf(value));
  const labels = new Uint8Array(values.length);
  let highest = 0;
  for (let i = 0; i < values.length; i++) {
    const label = table[values[i] as number] as number;
    if (label > highest) highest = label;
    labels[i] = label;
  }
  return highest > 255 ? null : labels;
}

/** NO_LABEL for a value that is no class. */
function labeller({ classes, ignoredValues, ignored }: MaskMeaning): (value: number) => number {
  if (classes !== null) {
    return (value) => classes.get(value) ?? (ignoredValues.has(value) ? ignored : NO_LABEL);
  }
  return (value) => (ignoredValues.has(value) ? ignored : value >= 0 && value < NO_LABEL ? value : NO_LABEL);
}
