/**
 * From the numbers in a mask file to a whole number per pixel, which labels.ts turns into classes. All mask formats meet
 * here, so that wide integers, floats and nonsense values are treated alike whichever file they come from.
 */

export type NumericArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

/** A value that can be no class (fractional, beyond 32 bits, not listed, or a colour that the palette lacks). */
export interface ValueCount {
  value: string;
  numPixels: number;
}

/** A mask as its file has it, upright. values: HW, row by row; a pixel that has no whole number is NO_VALUE and is in `strange`. */
export interface RawMask {
  width: number;
  height: number;
  values: Uint8Array | Int32Array;
  strange: ValueCount[];
  /** The values are colours, 0xrrggbb, and nobody has said what they mean. */
  isColour: boolean;
  /** Of a palette in the file: the colour of each value that occurs, ascending; else null. */
  colors: [value: number, color: number][] | null;
}

/** The label of a pixel that is neither of a class nor left out. Not 65535, which 16-bit masks use for pixels to ignore. */
export const NO_LABEL = 65_534;

/** Below every value that is read. */
export const NO_VALUE = -(2 ** 31);

/** Distinct strange values that are told apart; a photo by mistake among the masks has thousands. */
const MAX_STRANGE = 16;

/** Counts values that are no class index, a bounded number of them by name. */
export class StrangeValues {
  private readonly counts = new Map<string, number>();
  private numOthers = 0;

  add(value: string): void {
    const count = this.counts.get(value);
    if (count !== undefined) this.counts.set(value, count + 1);
    else if (this.counts.size < MAX_STRANGE) this.counts.set(value, 1);
    else this.numOthers += 1;
  }

  get isEmpty(): boolean {
    return this.counts.size === 0;
  }

  toList(): ValueCount[] {
    const list = [...this.counts].map(([value, numPixels]) => ({ value, numPixels }));
    if (this.numOthers > 0) list.push({ value: 'others', numPixels: this.numOthers });
    return list;
  }
}

/** Whole numbers of 32 bits, one for each; what is none is NO_VALUE and counted. Bytes stay the same array. */
export function wholeNumbers(numbers: NumericArray): Pick<RawMask, 'values' | 'strange'> {
  if (numbers instanceof Uint8Array) return { values: numbers, strange: [] };
  const strange = new StrangeValues();
  const wide = new Int32Array(numbers.length);
  let isByte = true;
  for (let i = 0; i < numbers.length; i++) {
    const value = Number(numbers[i]);
    // Minus zero is zero.
    if (value === (value | 0) && value !== NO_VALUE) {
      wide[i] = value;
      if (value < 0 || value > 255) isByte = false;
    } else {
      wide[i] = NO_VALUE;
      isByte = false;
      strange.add(String(numbers[i]));
    }
  }
  return { values: isByte ? Uint8Array.from(wide) : wide, strange: strange.toList() };
}
