/**
 * Values in the formats in which they travel. What this file keeps true: packing and unpacking give exactly the values that
 * rounding gives, and rounding what is rounded changes no bit. So a node has the same bits whether it has travelled or not.
 * A vector given here is one bucket, or the beginning of one: blocks of int8 are counted from it.
 */
import { packedBytes, type ValueFormat } from '@unet-fleet/law';
import type { FloatVector } from './memory.ts';

/** What the kernels of a format are called. */
export const kernelNames = { bf16: 'Bf16', int8: 'Int8' } as const;

/** Leaves each value as its format has it, in place. */
export function roundValues(values: FloatVector, format: ValueFormat): void {
  if (format === 'float32') return;
  values.memory.kernels[`round${kernelNames[format]}`](values.offset, values.length);
}

/** Where the packed bytes of a vector lie: at its beginning. In private memory, do not hold it over an allocation. */
export function packedPlace(values: FloatVector, format: ValueFormat): Uint8Array {
  return new Uint8Array(values.view.buffer, values.offset, packedBytes(format, values.length));
}

/** Vector with room for the packed bytes of so many values. */
export const packedLength = (format: ValueFormat, length: number): number =>
  Math.ceil(packedBytes(format, length) / 4);

/**
 * Rounds and packs the values, into a vector of at least `packedLength` or, without one, where they lie: then they are
 * values no more. float32 stays where it is in any case. Returns the bytes.
 */
export function pack(values: FloatVector, format: ValueFormat, into = values): Uint8Array {
  if (format === 'float32') return packedPlace(values, format);
  if (into.length < packedLength(format, values.length)) throw new RangeError('no room for packed values');
  values.memory.kernels[`pack${kernelNames[format]}`](into.offset, values.offset, values.length);
  return new Uint8Array(into.view.buffer, into.offset, packedBytes(format, values.length));
}

/** Makes values again of what was put into `packedPlace`. */
export function unpack(values: FloatVector, format: ValueFormat): void {
  if (format === 'float32') return;
  values.memory.kernels[`unpack${kernelNames[format]}`](values.offset, values.offset, values.length);
}
