/**
 * The gradient of a step that somebody wants to look at, kept by a reducer until it is binned, beside its other work.
 * The vectors are read and never written, and whoever has them lets no other use them meanwhile: what is looked at has
 * no influence on what is computed. At most one step is kept; a later one takes its place, binned or not.
 */

import type { Bucket } from '@unet-fleet/law';
import type { FloatVector } from '@unet-fleet/numerics';
import { histogramOf, type ValueHistogram } from './value-histogram.ts';

/** A tensor's place in the flat vector, in values. */
export interface TensorRange {
  offset: number;
  size: number;
}

/** Of the part of a tensor that lies in a bucket. */
export interface TensorPart {
  bucket: number;
  /** Its place in the list of tensors. */
  tensor: number;
  histogram: ValueHistogram;
}

interface Kept {
  bucket: Bucket;
  values: FloatVector;
}

export class KeptGradient {
  readonly #release: (values: FloatVector) => void;
  #kept: Kept[] = [];
  #version = 0;

  /** `release`: told of each vector that is needed here no more. */
  constructor(release: (values: FloatVector) => void) {
    this.#release = release;
  }

  /** From now on the buckets of this version's commit are kept; lets go of those before. */
  begin(version: number): void {
    for (const { values } of this.#kept.splice(0)) this.#release(values);
    this.#version = version;
  }

  keep(bucket: Bucket, values: FloatVector): void {
    this.#kept.push({ bucket, values });
  }

  /** Bins one bucket, which takes some ms, and lets go of it. `replaced`: another commit's gradient is kept by now. */
  binNext(version: number, tensors: readonly TensorRange[]): TensorPart[] | 'done' | 'replaced' {
    if (version !== this.#version) return 'replaced';
    const next = this.#kept.shift();
    if (!next) return 'done';
    const { offset, length, id } = next.bucket;
    const parts = tensors.flatMap((tensor, index): TensorPart[] => {
      const first = Math.max(tensor.offset, offset) - offset;
      const end = Math.min(tensor.offset + tensor.size, offset + length) - offset;
      if (end <= first) return [];
      return [{ bucket: id, tensor: index, histogram: histogramOf(next.values.view.subarray(first, end)) }];
    });
    this.#release(next.values);
    return parts;
  }
}
