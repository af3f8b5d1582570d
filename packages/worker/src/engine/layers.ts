/**
 * The U-Net's layers, each with its backward pass written out. A layer's forward keeps what its backward needs and
 * backward frees it, so memory falls as the gradient moves back; a parameter's gradient goes to the sink the moment it
 * is complete. Every tensor that is handed over belongs to its receiver.
 */
import { type BatchNorm, batchNorm } from './batch-norm.ts';
import { filterGradient } from './filter-gradient.ts';
import type { Parameters } from './parameters.ts';
import type { Tensor, TensorFlow } from './tensorflow.ts';

/** Receives complete gradients and batch statistics. */
export interface Sink {
  /** The values of `parts`, one after another, are the whole gradient. */
  gradient(parameter: string, ...parts: Float32Array[]): void;
  statistic(name: string, values: Float32Array): void;
}

export interface LayerContext {
  tf: TensorFlow;
  parameters: Parameters;
}

/** Convolution without bias, batch norm, ReLU: half of a DoubleConv. */
class ConvNormRelu {
  readonly #context: LayerContext;
  readonly #conv: string;
  readonly #norm: string;
  #kept: { x: Tensor; z: Tensor; y: Tensor; norm: BatchNorm } | null = null;

  constructor(context: LayerContext, conv: string, norm: string) {
    this.#context = context;
    this.#conv = `${conv}.weight`;
    this.#norm = norm;
  }

  /** Keeps x and y, without owning them: the caller frees both after `backward`. */
  forward(x: Tensor, sink: Sink): Tensor {
    const { tf, parameters } = this.#context;
    const z = tf.conv(x, parameters.get(this.#conv));
    const scale = parameters.get(`${this.#norm}.weight`);
    const shift = parameters.get(`${this.#norm}.bias`);
    const norm = batchNorm(tf, z, scale, shift);
    sink.statistic(`${this.#norm}.running_mean`, norm.mean);
    sink.statistic(`${this.#norm}.running_var`, norm.variance);
    const y = tf.relu(norm.y);
    tf.free(norm.y);
    this.#kept = { x, z, y, norm };
    return y;
  }

  infer(x: Tensor): Tensor {
    const { tf, parameters } = this.#context;
    const z = tf.conv(x, parameters.get(this.#conv));
    const normed = tf.batchNormInference(
      z,
      parameters.get(`${this.#norm}.weight`),
      parameters.get(`${this.#norm}.bias`),
      parameters.get(`${this.#norm}.running_mean`),
      parameters.get(`${this.#norm}.running_var`),
    );
    const y = tf.relu(normed);
    tf.free(z, normed);
    return y;
  }

  /** Frees the gradient of y. Null where x needs no gradient: it is the photo. */
  backward(gradient: Tensor, needsInput: boolean, sink: Sink): Tensor | null {
    const { tf, parameters } = this.#context;
    const { x, z, y, norm } = this.#kept!;
    this.#kept = null;
    const beforeRelu = tf.reluGradient(gradient, y);
    tf.free(gradient);
    const before = norm.backward(beforeRelu);
    tf.free(beforeRelu, z);
    sink.gradient(`${this.#norm}.weight`, before.scale);
    sink.gradient(`${this.#norm}.bias`, before.shift);
    const filter = filterGradient(tf, x, parameters.shapeOf(this.#conv), before.x);
    sink.gradient(this.#conv, ...filter.map((part) => tf.read(part)));
    tf.free(...filter);
    const input = needsInput ? tf.convInputGradient(x.shape, parameters.get(this.#conv), before.x) : null;
    tf.free(before.x);
    return input;
  }
}

/** (3x3 convolution, batch norm, ReLU) twice. */
export class DoubleConv {
  readonly #context: LayerContext;
  readonly #first: ConvNormRelu;
  readonly #second: ConvNormRelu;
  #middle: Tensor | null = null;

  constructor(context: LayerContext, name: string) {
    this.#context = context;
    this.#first = new ConvNormRelu(context, `${name}.double_conv.0`, `${name}.double_conv.1`);
    this.#second = new ConvNormRelu(context, `${name}.double_conv.3`, `${name}.double_conv.4`);
  }

  /** x and the result stay the caller's, and must live until `backward`. */
  forward(x: Tensor, sink: Sink): Tensor {
    this.#middle = this.#first.forward(x, sink);
    return this.#second.forward(this.#middle, sink);
  }

  infer(x: Tensor): Tensor {
    const middle = this.#first.infer(x);
    const y = this.#second.infer(middle);
    this.#context.tf.free(middle);
    return y;
  }

  /** Frees the gradient of y. */
  backward(gradient: Tensor, needsInput: boolean, sink: Sink): Tensor | null {
    const middleGradient = this.#second.backward(gradient, true, sink)!;
    const input = this.#first.backward(middleGradient, needsInput, sink);
    this.#context.tf.free(this.#middle!);
    this.#middle = null;
    return input;
  }
}

/** Doubles height and width: a transposed 2x2 convolution with bias, or bilinear. */
export interface Upsample {
  /** x stays the caller's, and must live until `backward`. */
  forward(x: Tensor): Tensor;
  /** Frees the gradient of y. */
  backward(gradient: Tensor, x: Tensor, sink: Sink): Tensor;
}

/**
 * Stride and kernel are both 2, so the blocks of the result do not overlap: the convolution is one product of matrices,
 * [pixels, in] with [4 * out, in] transposed, whose 4 * out columns are then laid out as blocks of 2x2 pixels.
 */
export class TransposedConv implements Upsample {
  readonly #context: LayerContext;
  readonly #name: string;

  constructor(context: LayerContext, name: string) {
    this.#context = context;
    this.#name = name;
  }

  forward(x: Tensor): Tensor {
    const { tf, parameters } = this.#context;
    const [numImages, height, width] = x.shape as [number, number, number];
    const rows = matrixOf(tf, x);
    const filter = this.#filterMatrix();
    const product = tf.matMul(rows, filter, { b: true });
    const blocks = tf.reshape(product, [numImages, height, width, filter.shape[0]!]);
    const z = tf.depthToSpace(blocks);
    const y = tf.addBias(z, parameters.get(`${this.#name}.bias`));
    tf.free(rows, filter, product, blocks, z);
    return y;
  }

  backward(gradient: Tensor, x: Tensor, sink: Sink): Tensor {
    const { tf } = this.#context;
    const bias = tf.biasGradient(gradient);
    sink.gradient(`${this.#name}.bias`, tf.read(bias));
    const blocks = tf.spaceToDepth(gradient);
    tf.free(gradient, bias);
    const [rows, blockRows] = [matrixOf(tf, x), matrixOf(tf, blocks)];
    const filterGradient = tf.matMul(blockRows, rows, { a: true });
    sink.gradient(`${this.#name}.weight`, tf.read(filterGradient));
    const filter = this.#filterMatrix();
    const product = tf.matMul(blockRows, filter);
    const input = tf.reshape(product, x.shape);
    tf.free(blocks, rows, blockRows, filterGradient, filter, product);
    return input;
  }

  /** HWOI as [4 * out, in]. */
  #filterMatrix(): Tensor {
    return matrixOf(this.#context.tf, this.#context.parameters.get(`${this.#name}.weight`));
  }
}

export class Bilinear implements Upsample {
  readonly #context: LayerContext;

  constructor(context: LayerContext) {
    this.#context = context;
  }

  forward(x: Tensor): Tensor {
    return this.#context.tf.upsampleBilinear(x);
  }

  backward(gradient: Tensor, x: Tensor): Tensor {
    const { tf } = this.#context;
    const input = tf.upsampleBilinearGradient(gradient, x);
    tf.free(gradient);
    return input;
  }
}

/** The 1x1 convolution with bias that gives each pixel its logits. */
export class Head {
  readonly #context: LayerContext;
  readonly #name: string;

  constructor(context: LayerContext, name: string) {
    this.#context = context;
    this.#name = name;
  }

  forward(x: Tensor): Tensor {
    const { tf, parameters } = this.#context;
    const z = tf.conv(x, parameters.get(`${this.#name}.weight`));
    const y = tf.addBias(z, parameters.get(`${this.#name}.bias`));
    tf.free(z);
    return y;
  }

  /** Frees the gradient of y. */
  backward(gradient: Tensor, x: Tensor, sink: Sink): Tensor {
    const { tf, parameters } = this.#context;
    const weight = `${this.#name}.weight`;
    const bias = tf.biasGradient(gradient);
    sink.gradient(`${this.#name}.bias`, tf.read(bias));
    const [rows, gradientRows] = [matrixOf(tf, x), matrixOf(tf, gradient)];
    const filter = tf.matMul(rows, gradientRows, { a: true });
    sink.gradient(weight, tf.read(filter));
    const input = tf.convInputGradient(x.shape, parameters.get(weight), gradient);
    tf.free(gradient, bias, rows, gradientRows, filter);
    return input;
  }
}

/** All axes but the last as one. Shares the values. */
function matrixOf(tf: TensorFlow, x: Tensor): Tensor {
  const numColumns = x.shape.at(-1)!;
  return tf.reshape(x, [x.shape.reduce((product, n) => product * n, 1) / numColumns, numColumns]);
}
