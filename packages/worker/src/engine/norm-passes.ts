/**
 * What batch norm on the processor asks of a whole map, in float32. TensorFlow has a kernel for each product, sum and
 * difference, each of which reads the map and most of which write another as large. Operations of our own
 * (packages/worker/native) read it once. What this file keeps true: they are used only where they give the bits that
 * TensorFlow's kernels give on this processor, which is tried once for each engine; so they are no part of the fingerprint.
 */
import type { Tensor, TensorFlow } from './tensorflow.ts';

/** Vectors have a value for each channel; all tensors that are returned are the caller's. */
export interface NormPasses {
  /** (x - mean) / sqrt(variance + epsilon) * scale + shift. */
  normalise(tf: TensorFlow, x: Tensor, channels: Omit<NormChannels, 'factor'>): Tensor;
  /** Sum of (x - mean)² along each row of pixels, [N, H, C]. */
  squareRows(tf: TensorFlow, x: Tensor, mean: Tensor): Tensor;
  /** Sums along each row of pixels, [N, H, C]: of the gradient times x, and of the gradient. */
  productRows(tf: TensorFlow, gradient: Tensor, x: Tensor): [Tensor, Tensor];
  /** factor * gradient + (x - mean) / sqrt(variance + epsilon) * scale + shift. */
  inputGradient(tf: TensorFlow, gradient: Tensor, x: Tensor, channels: NormChannels): Tensor;
}

export interface NormChannels {
  factor: Tensor;
  mean: Tensor;
  variance: Tensor;
  scale: Tensor;
  shift: Tensor;
}

/** By TensorFlow's kernels: the reference. */
export const chained: NormPasses = {
  normalise: (tf, x, { mean, variance, scale, shift }) =>
    tf.batchNormInference(x, scale, shift, mean, variance),
  squareRows(tf, x, mean) {
    const squares = tf.squaredDifference(x, mean);
    const rows = tf.sumOverWidth(squares);
    tf.free(squares);
    return rows;
  },
  productRows(tf, gradient, x) {
    const products = tf.multiply(gradient, x);
    const rows = tf.sumOverWidth(products);
    tf.free(products);
    return [rows, tf.sumOverWidth(gradient)];
  },
  inputGradient(tf, gradient, x, { factor, mean, variance, scale, shift }) {
    const correction = chained.normalise(tf, x, { mean, variance, scale, shift });
    const scaled = tf.multiply(gradient, factor);
    const sum = tf.add(scaled, correction);
    tf.free(correction, scaled);
    return sum;
  },
};

/** By our own operations, each in one pass. */
export const joined: NormPasses = {
  normalise: (tf, x, { mean, variance, scale, shift }) =>
    tf.own('Normalise', [x, mean, variance, scale, shift], 1)[0]!,
  squareRows: (tf, x, mean) => tf.own('SquareRows', [x, mean], 1)[0]!,
  productRows: (tf, gradient, x) => tf.own('ProductRows', [gradient, x], 2) as [Tensor, Tensor],
  inputGradient: (tf, gradient, x, { factor, mean, variance, scale, shift }) =>
    tf.own('NormGradient', [gradient, x, factor, mean, variance, scale, shift], 1)[0]!,
};

/** TensorFlow adds up so many channels at a time, and those that are left over in another order. */
const channelsAtATime = 8;

const areAlike = new WeakMap<TensorFlow, boolean>();

/** For a map of so many channels. */
export function normPasses(tf: TensorFlow, numChannels: number): NormPasses {
  if (numChannels % channelsAtATime > 0) return chained;
  let isAlike = areAlike.get(tf);
  if (isAlike === undefined) {
    isAlike = giveTheSameBits(tf, joined);
    areAlike.set(tf, isAlike);
  }
  return isAlike ? joined : chained;
}

/** Rows of few pixels, rows with pixels that are left over, and a map that is shared out among threads. */
const triedShapes = [
  [1, 2, 7, 8],
  [2, 3, 19, 24],
  [2, 32, 64, 32],
] as const;

/** Whether `passes` have the bits of TensorFlow's kernels; not where they can't be called at all. */
export function giveTheSameBits(tf: TensorFlow, passes: NormPasses): boolean {
  return triedShapes.every((shape) => {
    const made: Tensor[] = [];
    const keep = (...tensors: Tensor[]) => {
      made.push(...tensors);
      return tensors;
    };
    const next = numbers(shape.length);
    const random = (shape: readonly number[], positive = false) => {
      const length = shape.reduce((product, n) => product * n, 1);
      const values = Float32Array.from({ length }, () => (positive ? Math.abs(next()) : next()));
      return keep(tf.tensor(shape, values))[0]!;
    };
    const [gradient, x] = [random(shape), random(shape)];
    const vector = [shape[3]];
    const [factor, mean, scale, shift] = [0, 1, 2, 3].map(() => random(vector)) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    const channels = { factor, mean, variance: random(vector, true), scale, shift };
    const bits = (by: NormPasses) =>
      [
        ...keep(by.normalise(tf, x, channels)),
        ...keep(by.squareRows(tf, x, mean)),
        ...keep(...by.productRows(tf, gradient, x)),
        ...keep(by.inputGradient(tf, gradient, x, channels)),
      ].map((tensor) => Buffer.from(tf.read(tensor).buffer));
    try {
      const expected = bits(chained);
      return bits(passes).every((buffer, index) => buffer.equals(expected[index]!));
    } catch {
      // An addon without the operations.
      return false;
    } finally {
      tf.free(...made);
    }
  });
}

/** Numbers of both signs and many magnitudes, some of them too small to be normal ones; the same in every process. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const value = state / 0x80000000 - 1;
    const scale = [0.25, 0.5, 1, 2, 1e-39][(state >>> 16) % 5]!;
    return value * scale;
  };
}
