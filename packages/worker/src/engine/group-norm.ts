/**
 * Norms over each image for itself: torch.nn.GroupNorm, and torch.nn.InstanceNorm2d with a group for each channel. Sums
 * along each row of pixels are a kernel's, those over rows float64's here, as in batch-norm.ts and for the same reason.
 */
import { batchNormEpsilon, type Tensor, type TensorFlow } from './tensorflow.ts';

export interface GroupNorm {
  /** The caller's. */
  y: Tensor;
  /** Keeps no tensor. `x` is the norm's input; the gradient stays the caller's. */
  backward(x: Tensor, gradient: Tensor): { x: Tensor; scale: Float32Array; shift: Float32Array };
}

/** Of an NHWC tensor that stays the caller's; its channels are `numGroups` groups of neighbours. */
export function groupNorm(
  tf: TensorFlow,
  x: Tensor,
  scale: Tensor,
  shift: Tensor,
  numGroups: number,
): GroupNorm {
  const [numImages, height, width, numChannels] = x.shape as [number, number, number, number];
  const perGroup = numChannels / numGroups;
  const count = height * width * perGroup;
  /** [image, channel] to [image, group]. */
  const groupOf = (i: number) => Math.floor(i / perGroup);
  const length = numImages * numChannels;
  const groupSums = (values: Float64Array): Float64Array => {
    const sums = new Float64Array(numImages * numGroups);
    for (let i = 0; i < length; i++) sums[groupOf(i)]! += values[i]!;
    return sums;
  };
  /** A tensor [N, 1, 1, C] that is the same for all pixels of an image. */
  const coefficients = (value: (i: number, channel: number) => number): Tensor =>
    tf.tensor(
      [numImages, 1, 1, numChannels],
      Float32Array.from({ length }, (_, i) => value(i, i % numChannels)),
    );

  const scales = tf.read(scale);
  const shifts = tf.read(shift);
  const mean = groupSums(imageSums(tf, x)).map((sum) => sum / count);
  const means = coefficients((i) => mean[groupOf(i)]!);
  const squares = tf.squaredDifference(x, means);
  const inverse = groupSums(imageSums(tf, squares)).map(
    (sum) => 1 / Math.sqrt(sum / count + batchNormEpsilon),
  );
  tf.free(means, squares);
  const y = affine(
    tf,
    x,
    coefficients((i, c) => scales[c]! * inverse[groupOf(i)]!),
    coefficients((i, c) => shifts[c]! - mean[groupOf(i)]! * scales[c]! * inverse[groupOf(i)]!),
  );

  const backward: GroupNorm['backward'] = (input, gradient) => {
    const products = tf.multiply(gradient, input);
    const productSums = imageSums(tf, products);
    tf.free(products);
    const sums = imageSums(tf, gradient);
    /** Sum over an image's pixels of the gradient times the normed input. */
    const normedSums = sums.map(
      (sum, i) => (productSums[i]! - mean[groupOf(i)]! * sum) * inverse[groupOf(i)]!,
    );
    const scaleGradient = new Float64Array(numChannels);
    const shiftGradient = new Float64Array(numChannels);
    for (let i = 0; i < length; i++) {
      scaleGradient[i % numChannels]! += normedSums[i]!;
      shiftGradient[i % numChannels]! += sums[i]!;
    }
    // With g = dy * scale: dx = inverse * (g - mean(g) - normed * mean(g * normed)).
    const scaled = (values: Float64Array) =>
      groupSums(values.map((value, i) => value * scales[i % numChannels]!));
    const g = scaled(sums).map((sum) => sum / count);
    const gNormed = scaled(normedSums).map((sum) => sum / count);
    const slope = inverse.map((value, k) => -value * value * gNormed[k]!);
    const correction = affine(
      tf,
      input,
      coefficients((i) => slope[groupOf(i)]!),
      coefficients((i) => -inverse[groupOf(i)]! * g[groupOf(i)]! - mean[groupOf(i)]! * slope[groupOf(i)]!),
    );
    const factors = coefficients((i, c) => scales[c]! * inverse[groupOf(i)]!);
    const direct = tf.multiply(gradient, factors);
    const dx = tf.add(direct, correction);
    tf.free(factors, direct, correction);
    return { x: dx, scale: Float32Array.from(scaleGradient), shift: Float32Array.from(shiftGradient) };
  };
  return { y, backward };
}

/** x * factors + offsets; frees both coefficients. */
function affine(tf: TensorFlow, x: Tensor, factors: Tensor, offsets: Tensor): Tensor {
  const product = tf.multiply(x, factors);
  const y = tf.add(product, offsets);
  tf.free(product, factors, offsets);
  return y;
}

/** Sum over the pixels of each image's channel, [N, C]. */
function imageSums(tf: TensorFlow, x: Tensor): Float64Array {
  const rowSums = tf.sumOverWidth(x);
  const values = tf.read(rowSums);
  tf.free(rowSums);
  const [numImages, height, , numChannels] = x.shape as [number, number, number, number];
  const sums = new Float64Array(numImages * numChannels);
  let at = 0;
  for (let image = 0; image < numImages; image++) {
    for (let row = 0; row < height; row++) {
      for (let c = 0; c < numChannels; c++) sums[image * numChannels + c]! += values[at++]!;
    }
  }
  return sums;
}
