/** Our own operations for batch norm against TensorFlow's kernels, bit by bit; with two threads, so that maps are shared out. */
import { expect, it } from 'vitest';
import { loadBinding } from './binding.ts';
import { chained, giveTheSameBits, joined, type NormPasses, normPasses } from './norm-passes.ts';
import { TensorFlow } from './tensorflow.ts';

const tf = new TensorFlow(loadBinding({ intraOpThreads: 2, device: 'cpu' }));

it('our own operations are there, and have the bits of the kernels that they stand for', () => {
  const numBefore = tf.numTensors;
  expect(giveTheSameBits(tf, joined)).toBe(true);
  // Beside the constants that are kept.
  expect(giveTheSameBits(tf, joined)).toBe(true);
  expect(tf.numTensors - numBefore).toBeLessThan(3);
  expect(normPasses(tf, 16)).toBe(joined);
});

it('channels that TensorFlow adds up in another order are left to it', () => {
  expect(normPasses(tf, 12)).toBe(chained);
});

it('operations with other bits, or that are missing, are found out', () => {
  const otherBits: NormPasses = {
    ...joined,
    productRows(engine, gradient, x) {
      const [products, sums] = chained.productRows(engine, gradient, x);
      engine.free(products);
      return [sums, chained.productRows(engine, gradient, x)[0]];
    },
  };
  expect(giveTheSameBits(tf, otherBits)).toBe(false);
  const missing: NormPasses = { ...joined, squareRows: (engine, x) => engine.own('Nothing', [x], 1)[0]! };
  expect(giveTheSameBits(tf, missing)).toBe(false);
});

it('maps of two shapes are refused', () => {
  const [a, b] = [
    tf.tensor([1, 2, 2, 8], new Float32Array(32)),
    tf.tensor([1, 2, 4, 8], new Float32Array(64)),
  ];
  const vector = tf.tensor([7], new Float32Array(7));
  expect(() => tf.own('ProductRows', [a, b], 2)).toThrow(
    'maps of four dimensions and one shape are expected',
  );
  expect(() => tf.own('SquareRows', [a, vector], 1)).toThrow('a value for each channel is expected');
  tf.free(a, b, vector);
});
