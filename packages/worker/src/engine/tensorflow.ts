/**
 * TensorFlow's kernels as functions on tensors, those that networks of layers need. Images are NHWC, filters HWIO. A kernel
 * computes in the type of its first tensor, in which its others and its result are too, unless a function says otherwise.
 */
import { bfloat16, type ConvShape } from './op-attributes.ts';
import { hasDirectFilterGradient } from './settings.ts';
import { plainConv, precisionOf, type Tensor, Tensors } from './tensors.ts';

export { batchNormEpsilon, type ConvShape } from './op-attributes.ts';
export { precisionOf, type Tensor } from './tensors.ts';

export interface BatchNormOutputs {
  y: Tensor;
  mean: Tensor;
  /** Unbiased, as PyTorch keeps it for the running variance. */
  variance: Tensor;
  /** What the kernel wants back for the gradient. */
  reserved: [Tensor, Tensor, Tensor];
}

export class TensorFlow extends Tensors {
  /** See settings.ts. */
  readonly hasDirectFilterGradient = hasDirectFilterGradient(process.env);

  /** With stride 1 the result has x's height and width. */
  conv(x: Tensor, filter: Tensor, shape: ConvShape = plainConv): Tensor {
    return this.sums('Conv2D', this.attributes.conv(filter.shape, shape), [x, filter], shape);
  }

  /** Gradient of `conv` with respect to its input, of the given shape. */
  convInputGradient(
    inputShape: readonly number[],
    filter: Tensor,
    gradient: Tensor,
    shape: ConvShape = plainConv,
  ): Tensor {
    const sizes = this.constant(inputShape);
    const attributes = this.attributes.conv(filter.shape, shape);
    return this.sums('Conv2DBackpropInput', attributes, [sizes, filter, gradient], shape);
  }

  /** Gradient of `conv` with respect to its filter. */
  convFilterGradient(
    input: Tensor,
    filterShape: readonly number[],
    gradient: Tensor,
    shape: ConvShape = plainConv,
  ): Tensor {
    // Explicit paddings keep the operation from oneDNN, which in float32 takes twice as long for it as TensorFlow's own
    // kernel; that one knows no dilation.
    const isOwnKernel = shape.dilation === 1 && input.dtype !== bfloat16;
    const attributes = this.attributes.conv(filterShape, shape, isOwnKernel || shape.stride > 1);
    const inputs = [input, this.constant(filterShape), gradient];
    return this.sums('Conv2DBackpropFilter', attributes, inputs, shape);
  }

  /** a b, of matrices; either may be transposed first. */
  matMul(a: Tensor, b: Tensor, transpose: { a?: boolean; b?: boolean } = {}): Tensor {
    const attributes = [
      this.attributes.flag('transpose_a', transpose.a ?? false),
      this.attributes.flag('transpose_b', transpose.b ?? false),
    ];
    return this.sums('MatMul', attributes, [a, b]);
  }

  /** Each pixel's channels become a 2x2 block of pixels with a quarter of the channels, (row, column, channel) order. */
  depthToSpace(x: Tensor): Tensor {
    return this.one('DepthToSpace', this.attributes.block(), [x]);
  }

  /** Undoes `depthToSpace`. */
  spaceToDepth(x: Tensor): Tensor {
    return this.one('SpaceToDepth', this.attributes.block(), [x]);
  }

  addBias(x: Tensor, bias: Tensor): Tensor {
    return this.one('BiasAdd', [this.attributes.nhwc], [x, bias]);
  }

  biasGradient(gradient: Tensor): Tensor {
    // On processors the kernel for bf16 rounds after each addition: a sum of ones stops at 256.
    return this.inFloat32('BiasAddGrad', [this.attributes.nhwc], [gradient]);
  }

  /** Normalises with the statistics of the batch. */
  batchNormTraining(x: Tensor, scale: Tensor, shift: Tensor): BatchNormOutputs {
    const none = this.emptyFloat();
    const [y, mean, variance, r1, r2, r3] = this.run(
      'FusedBatchNormV3',
      this.attributes.batchNorm(true, true),
      [x, scale, shift, none, none],
      6,
    );
    return { y: y!, mean: mean!, variance: variance!, reserved: [r1!, r2!, r3!] };
  }

  /** Normalises with running statistics. */
  batchNormInference(x: Tensor, scale: Tensor, shift: Tensor, mean: Tensor, variance: Tensor): Tensor {
    const attributes = this.attributes.batchNorm(false, true);
    const [y, ...rest] = this.run('FusedBatchNormV3', attributes, [x, scale, shift, mean, variance], 6);
    this.free(...rest);
    return y!;
  }

  batchNormGradient(
    gradient: Tensor,
    x: Tensor,
    scale: Tensor,
    reserved: [Tensor, Tensor, Tensor],
  ): { x: Tensor; scale: Tensor; shift: Tensor } {
    const attributes = this.attributes.batchNorm(true, false);
    const inputs = [gradient, x, scale, ...reserved];
    const [dx, dScale, dShift, ...rest] = this.run('FusedBatchNormGradV3', attributes, inputs, 5);
    this.free(...rest);
    return { x: dx!, scale: dScale!, shift: dShift! };
  }

  /** An operation on each value for itself that knows no option but the type, such as Relu and ReluGrad. */
  pointwise(operation: string, ...inputs: readonly Tensor[]): Tensor {
    return this.one(operation, [], inputs);
  }

  leakyRelu(x: Tensor, slope: number): Tensor {
    return this.one('LeakyRelu', [this.attributes.number('alpha', slope)], [x]);
  }

  /** `y` is the output of `leakyRelu`, or its input: the sign alone is read. */
  leakyReluGradient(gradient: Tensor, y: Tensor, slope: number): Tensor {
    return this.one('LeakyReluGrad', [this.attributes.number('alpha', slope)], [gradient, y]);
  }

  /** 2x2 with stride 2; an odd last row or column is left out, as in PyTorch. */
  maxPool(x: Tensor): Tensor {
    return this.one('MaxPool', this.attributes.pool(), [x]);
  }

  maxPoolGradient(x: Tensor, y: Tensor, gradient: Tensor): Tensor {
    return this.one('MaxPoolGrad', this.attributes.pool(), [x, y, gradient]);
  }

  /** 2x2 with stride 2; an odd last row or column is left out, as in PyTorch. */
  averagePool(x: Tensor): Tensor {
    return this.one('AvgPool', this.attributes.pool(), [x]);
  }

  averagePoolGradient(inputShape: readonly number[], gradient: Tensor): Tensor {
    return this.one('AvgPoolGrad', this.attributes.pool(), [this.constant(inputShape), gradient]);
  }

  /** To twice the size; corners aligned, as torch.nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True). */
  upsampleBilinear(x: Tensor): Tensor {
    const [, height, width] = x.shape as [number, number, number];
    const size = this.constant([height * 2, width * 2]);
    return this.into(precisionOf(x), this.one('ResizeBilinear', this.attributes.resize(), [x, size]));
  }

  upsampleBilinearGradient(gradient: Tensor, x: Tensor): Tensor {
    return this.inFloat32('ResizeBilinearGrad', this.attributes.resize(), [gradient, x]);
  }

  /** Zeros around height and width. */
  pad(x: Tensor, { top, bottom, left, right }: Padding): Tensor {
    const paddings = this.constant([0, 0, top, bottom, left, right, 0, 0], [4, 2]);
    return this.one('Pad', [this.attributes.type('Tpaddings', this.binding.TF_INT32)], [x, paddings]);
  }

  slice(x: Tensor, begin: readonly number[], size: readonly number[]): Tensor {
    const attributes = [this.attributes.type('Index', this.binding.TF_INT32)];
    return this.one('Slice', attributes, [x, this.constant(begin), this.constant(size)]);
  }

  concatChannels(...tensors: readonly Tensor[]): Tensor {
    const attributes = [
      this.attributes.type('Tidx', this.binding.TF_INT32),
      { name: 'N', type: this.binding.TF_ATTR_INT, value: tensors.length },
    ];
    return this.one('ConcatV2', attributes, [...tensors, this.constant([3], [])]);
  }

  /** Of NHWC, [N, H, C]. */
  sumOverWidth(x: Tensor): Tensor {
    const attributes = [
      this.attributes.type('Tidx', this.binding.TF_INT32),
      this.attributes.flag('keep_dims', false),
    ];
    return this.one('Sum', attributes, [x, this.constant([2])]);
  }

  /** An operation of our own in float32, by its name without the prefix; see native/. */
  own(name: string, inputs: readonly Tensor[], numOutputs: number): Tensor[] {
    return this.execute(`UnetFleet${name}`, [], inputs, numOutputs);
  }

  /** (a - b)²; b may be one value per channel, as in `multiply`. */
  squaredDifference(a: Tensor, b: Tensor): Tensor {
    return this.one('SquaredDifference', [], [a, b]);
  }

  add(a: Tensor, b: Tensor): Tensor {
    return this.one('AddV2', [], [a, b]);
  }

  multiply(a: Tensor, b: Tensor): Tensor {
    return this.one('Mul', [], [a, b]);
  }

  /** Loss per row of logits [rows, classes], and the gradient of their sum. */
  crossEntropy(logits: Tensor, labels: Tensor): { loss: Tensor; gradient: Tensor } {
    const attributes = [this.attributes.type('Tlabels', this.binding.TF_INT32)];
    const [loss, gradient] = this.run('SparseSoftmaxCrossEntropyWithLogits', attributes, [logits, labels], 2);
    return { loss: loss!, gradient: gradient! };
  }

  /** Of the rows of a matrix. */
  softmax(logits: Tensor): Tensor {
    return this.one('Softmax', [], [logits]);
  }

  /** Index of the highest value of the last axis of a matrix. */
  argMax(x: Tensor): Tensor {
    const attributes = [
      this.attributes.type('Tidx', this.binding.TF_INT32),
      this.attributes.type('output_type', this.binding.TF_INT32),
    ];
    return this.one('ArgMax', attributes, [x, this.constant([1], [])]);
  }
}

export interface Padding {
  top: number;
  bottom: number;
  left: number;
  right: number;
}
