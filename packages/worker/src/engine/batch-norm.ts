/**
 * Batch norm in training mode with exact enough statistics. TensorFlow's CPU kernels add up all pixels of a channel in
 * one float32: over 100,000 pixels the variance is off by 1e-5 and more, which moves the first steps of a training a
 * hundred times farther from PyTorch's than other rounding does. So sums are taken along each row of pixels by a
 * kernel and over the rows in float64 here; docs/adr/0002-engine-on-raw-ops.md has the figures.
 */
import { normPasses } from './norm-passes.ts';
import {
  type BatchNormOutputs,
  batchNormEpsilon,
  precisionOf,
  type Tensor,
  type TensorFlow,
} from './tensorflow.ts';

export interface BatchNormGradients {
  /** The caller's. */
  x: Tensor;
  scale: Float32Array;
  shift: Float32Array;
}

export interface BatchNorm {
  /** The caller's. */
  y: Tensor;
  mean: Float32Array;
  /** Unbiased, as PyTorch keeps it for the running variance. */
  variance: Float32Array;
  /** To be called once; frees what is kept, but not the gradient. x must still live. */
  backward(gradient: Tensor): BatchNormGradients;
}

/** torch.nn.BatchNorm2d in training mode, of an NHWC tensor that stays the caller's. */
export function batchNorm(tf: TensorFlow, x: Tensor, scale: Tensor, shift: Tensor): BatchNorm {
  // Beside the rounding of maps in bf16 that of a float32 sum is nothing.
  const isFused = tf.isGpu || precisionOf(x) === 'bf16';
  return isFused ? fusedBatchNorm(tf, x, scale, shift) : summedBatchNorm(tf, x, scale, shift);
}

function summedBatchNorm(tf: TensorFlow, x: Tensor, scale: Tensor, shift: Tensor): BatchNorm {
  const [numImages, height, width, numChannels] = x.shape as [number, number, number, number];
  const count = numImages * height * width;
  const vector = (values: Float64Array) => tf.tensor([numChannels], Float32Array.from(values));

  const mean = added(tf, tf.sumOverWidth(x), numChannels).map((sum) => sum / count);
  const meanTensor = vector(mean);
  const passes = normPasses(tf, numChannels);
  const variance = added(tf, passes.squareRows(tf, x, meanTensor), numChannels).map((sum) => sum / count);
  const varianceTensor = vector(variance);
  const y = passes.normalise(tf, x, { mean: meanTensor, variance: varianceTensor, scale, shift });

  const backward = (gradient: Tensor): BatchNormGradients => {
    const inverse = variance.map((value) => 1 / Math.sqrt(value + batchNormEpsilon));
    const [productSums, shiftGradient] = passes
      .productRows(tf, gradient, x)
      .map((rows) => added(tf, rows, numChannels)) as [Float64Array, Float64Array];
    const scaleGradient = productSums.map((sum, c) => (sum - mean[c]! * shiftGradient[c]!) * inverse[c]!);
    // dx = factor * (dy - mean(dy) - normed(x) * mean(dy * normed(x))): the last two terms are a batch norm of x.
    const scales = tf.read(scale);
    const factor = inverse.map((value, c) => value * scales[c]!);
    const channels = {
      factor: vector(factor),
      mean: meanTensor,
      variance: varianceTensor,
      scale: vector(factor.map((value, c) => (-value * scaleGradient[c]!) / count)),
      shift: vector(factor.map((value, c) => (-value * shiftGradient[c]!) / count)),
    };
    const dx = passes.inputGradient(tf, gradient, x, channels);
    tf.free(...Object.values(channels));
    return { x: dx, scale: Float32Array.from(scaleGradient), shift: Float32Array.from(shiftGradient) };
  };
  const bessel = count / Math.max(1, count - 1);
  return {
    y,
    mean: Float32Array.from(mean),
    variance: Float32Array.from(variance, (value) => value * bessel),
    backward,
  };
}

/** Sums along rows of pixels, which are freed, to the sum of each channel. */
function added(tf: TensorFlow, rows: Tensor, numChannels: number): Float64Array {
  const values = tf.read(rows);
  tf.free(rows);
  const sums = new Float64Array(numChannels);
  for (let i = 0; i < values.length; ) {
    for (let c = 0; c < numChannels; c++) sums[c]! += values[i++]!;
  }
  return sums;
}

/** cuDNN's, whose sums are sound, or oneDNN's. */
function fusedBatchNorm(tf: TensorFlow, x: Tensor, scale: Tensor, shift: Tensor): BatchNorm {
  const outputs: BatchNormOutputs = tf.batchNormTraining(x, scale, shift);
  const [mean, variance] = [tf.read(outputs.mean), tf.read(outputs.variance)];
  tf.free(outputs.mean, outputs.variance);
  const backward = (gradient: Tensor): BatchNormGradients => {
    const gradients = tf.batchNormGradient(gradient, x, scale, outputs.reserved);
    const [dScale, dShift] = [tf.read(gradients.scale), tf.read(gradients.shift)];
    tf.free(...outputs.reserved, gradients.scale, gradients.shift);
    return { x: gradients.x, scale: dScale, shift: dShift };
  };
  return { y: outputs.y, mean, variance, backward };
}
