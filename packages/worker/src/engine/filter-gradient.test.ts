import { expect, it } from 'vitest';
import { loadBinding } from './binding.ts';
import { filterGradient, requireDirectFilterGradient } from './filter-gradient.ts';
import { type Tensor, TensorFlow } from './tensorflow.ts';

const binding = loadBinding({ intraOpThreads: 2, device: 'cpu' });
const tf = new TensorFlow(binding);
process.env.UNET_FLEET_FILTER_GRADIENT = 'direct';
const direct = new TensorFlow(binding);
delete process.env.UNET_FLEET_FILTER_GRADIENT;

/** Multiples of 1/16 within ±1: sums of their products are exact in float32, in any order. */
function exactTensor(shape: number[], seed: number): Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  const values = Float32Array.from({ length: size }, (_, i) => (((i + seed) * 7919) % 33) / 16 - 1);
  return tf.tensor(shape, values);
}

it.each([
  ['wide maps, as products of matrices', tf, [2, 9, 13], 16, 32, 9],
  ['one row', tf, [1, 1, 40], 16, 16, 1],
  ['small maps, as a convolution', tf, [2, 3, 5], 16, 16, 1],
  ['channels that are no multiple of 16', tf, [1, 12, 13], 3, 16, 1],
  ['our own operation, on stretches of rows of two images', direct, [2, 37, 31], 16, 32, 1],
  ['our own operation, on rows longer than a stretch', direct, [1, 3, 400], 48, 16, 1],
  ['our own operation, on one row', direct, [1, 1, 1100], 32, 48, 1],
  ['our own operation, on columns of one pixel', direct, [2, 600, 1], 16, 16, 1],
  ['maps too small for our own operation', direct, [2, 9, 13], 16, 32, 9],
])(
  'equals the convolution kernel to the bit where sums are exact: %s',
  (_, tf, size, numIn, numOut, numParts) => {
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

it('our own operation has the same bits each time, whoever computes which part', () => {
  const values = (size: number, seed: number) =>
    Float32Array.from({ length: size }, (_, i) => Math.fround(((i + seed) * 7919) % 1013) / 97 - 5);
  const x = tf.tensor([2, 32, 40, 32], values(2 * 32 * 40 * 32, 1));
  const gradient = tf.tensor([2, 32, 40, 48], values(2 * 32 * 40 * 48, 2));
  const bits = () => {
    const [filter] = filterGradient(direct, x, [3, 3, 32, 48], gradient);
    const read = tf.read(filter!);
    tf.free(filter!);
    return read;
  };
  const first = bits();
  for (let i = 0; i < 5; i++) expect(bits()).toEqual(first);
  tf.free(x, gradient);
});

it('an engine without our own operation is refused where that is asked for', () => {
  class Lacking extends TensorFlow {
    override own(): Tensor[] {
      throw new Error('Op type not registered');
    }
  }
  requireDirectFilterGradient(new Lacking(binding));
  process.env.UNET_FLEET_FILTER_GRADIENT = 'direct';
  const lacking = new Lacking(binding);
  delete process.env.UNET_FLEET_FILTER_GRADIENT;
  expect(() => requireDirectFilterGradient(lacking)).toThrow('needs a processor with AVX2');
  expect(() => requireDirectFilterGradient(direct)).not.toThrow();
});

it('a way to compute it that there is not is refused', () => {
  process.env.UNET_FLEET_FILTER_GRADIENT = 'fast';
  expect(() => new TensorFlow(binding)).toThrow('UNET_FLEET_FILTER_GRADIENT=fast: it is direct, or not set');
  delete process.env.UNET_FLEET_FILTER_GRADIENT;
});
