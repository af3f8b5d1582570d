/**
 * From the numbers in a mask file to a class index per pixel. All mask formats meet here, so that wide integers, floats and nonsense values are treated alike whichever file they come from.
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

/** A value that is no class index (negative, fractional, beyond 65535, or a colour that the palette lacks). */
export interface ValueCount {
  value: string;
  numPixels: number;
}

/** A mask as its file has it. labels: HW class indices; a pixel that has none is NO_LABEL and is in `strange`. */
export interface RawMask {
  width: number;
  height: number;
  labels: Uint8Array | Uint16Array;
  strange: ValueCount[];
}

/** Not 65535, which 16-bit masks use for pixels to ignore. */
export const NO_LABEL = 65534;

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

/** Makes a mask of `values`, which lie row by row. Throws unless there are exactly width x height of them. */
export function maskFrom(values: NumericArray, width: number, height: number): RawMask {
  if (values.length !== width * height) {
    throw new Error(`it has ${values.length} values for ${width} x ${height} pixels`);
  }
  const strange = new StrangeValues();
  const labels = toIndices(values, strange);
  return { width, height, labels, strange: strange.toList() };
}

function toIndices(values: NumericArray, strange: StrangeValues): Uint8Array | Uint16Array {
  if (values instanceof Uint8Array) return values;
  const wide = new Uint16Array(values.length);
  let highest = 0;
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    if (value >= 0 && value <= 65535 && value !== NO_LABEL && Number.isInteger(value)) {
      wide[i] = value;
      if (value > highest) highest = value;
    } else {
      wide[i] = NO_LABEL;
      highest = NO_LABEL;
      strange.add(String(values[i]));
    }
  }
  return highest > 255 ? wide : Uint8Array.from(wide);
}
