import { expect, it } from 'vitest';
import { loadBinding } from './binding.ts';
import { filterGradient } from './filter-gradient.ts';
import { type Tensor, TensorFlow } from './tensorflow.ts';

const tf = new TensorFlow(loadBinding({ intraOpThreads: 1, device: 'cpu' }));

/** Multiples of 1/16 within ±1: sums of their products are exact in float32, in any order. */
function exactTensor(shape: number[], seed: number): Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  const values = Float32Array.from({ length: size }, (_, i) => (((i + seed) * 7919) % 33) / 16 - 1);
  return tf.tensor(shape, values);
}

it.each([
  ['wide maps, as products of matrices', [2, 9, 13], 16, 32, 9],
  ['one row', [1, 1, 40], 16, 16, 1],
  ['small maps, as a convolution', [2, 3, 5], 16, 16, 1],
  ['channels that are no multiple of 16', [1, 12, 13], 3, 16, 1],
])(
  'equals the convolution kernel to the bit where sums are exact: %s',
  (_, size, numIn, numOut, numParts) => {
    const filterShape = [3, 3, numIn, numOut];
    const x = exactTensor([...size, numIn], 0);
    const gradient = exactTensor([...size, numOut], 5);
    const parts = filterGradient(tf, x, filterShape, gradient);
    expect(parts).toHaveLength(numParts);
    const actual = Float32Array.from(parts.flatMap((part) => [...tf.read(part)]));
    expect(actual).toEqual(tf.read(tf.convFilterGradient(x, filterShape, gradient)));
    tf.free(...parts);
    const settled = tf.numTensors;
    tf.free(...filterGradient(tf, x, filterShape, gradient));
    expect(tf.numTensors).toBe(settled);
  },
);
