/**
 * TensorFlow's kernels as functions on tensors, those that networks of layers need. Images are NHWC, filters HWIO. A tensor lives
 * until it is freed; nothing here is freed by itself. A kernel computes in the type of its first tensor, in which its
 * others and its result are too, unless a function says otherwise.
 */
import type { Precision } from '@unet-fleet/law';
import type { OpAttribute, TensorFlowBinding } from './binding.ts';
import { bfloat16, type ConvShape, OpAttributes } from './op-attributes.ts';

export { batchNormEpsilon, type ConvShape } from './op-attributes.ts';

export interface Tensor {
  readonly id: number;
  readonly shape: readonly number[];
  /** TensorFlow's number of the type of its values. */
  readonly dtype: number;
}

export interface BatchNormOutputs {
  y: Tensor;
  mean: Tensor;
  /** Unbiased, as PyTorch keeps it for the running variance. */
  variance: Tensor;
  /** What the kernel wants back for the gradient. */
  reserved: [Tensor, Tensor, Tensor];
}

/** In which its values are kept. */
export const precisionOf = ({ dtype }: Tensor): Precision => (dtype === bfloat16 ? 'bf16' : 'float32');

const plainConv: ConvShape = { stride: 1, dilation: 1 };

export class TensorFlow {
  readonly isGpu: boolean;
  readonly #binding: TensorFlowBinding;
  readonly #attributes: OpAttributes;
  /** Small constant vectors (sizes, axes, paddings), made once each. */
  readonly #constants = new Map<string, Tensor>();
  /** Made since `freeingOnFailure` began, and not freed; null outside of it. */
  #made: Set<number> | null = null;

  constructor(binding: TensorFlowBinding) {
    this.#binding = binding;
    this.isGpu = binding.isUsingGpuDevice();
    this.#attributes = new OpAttributes(binding);
  }

  /** The tensor may share the memory of `values`: leave them as they are while it lives. */
  tensor(shape: readonly number[], values: Float32Array): Tensor {
    return this.#create(shape, this.#binding.TF_FLOAT, values);
  }

  indices(shape: readonly number[], values: Int32Array): Tensor {
    return this.#create(shape, this.#binding.TF_INT32, values);
  }

  /** Of any of the types that values are computed in. */
  read(tensor: Tensor): Float32Array {
    if (tensor.dtype === this.#binding.TF_FLOAT)
      return this.#binding.tensorDataSync(tensor.id) as Float32Array;
    const wide = this.as('float32', tensor);
    const values = this.read(wide);
    this.free(wide);
    return values;
  }

  /** Values of this precision, as a tensor of its own; they are rounded to the nearest. Shares them where it is theirs. */
  as(precision: Precision, x: Tensor): Tensor {
    const dtype = precision === 'bf16' ? bfloat16 : this.#binding.TF_FLOAT;
    if (x.dtype === dtype) return this.reshape(x, x.shape);
    return this.#execute('Cast', this.#attributes.cast(x.dtype, dtype), [x], 1)[0]!;
  }

  /** As `as`, of a tensor that is taken over. */
  into(precision: Precision, x: Tensor): Tensor {
    const y = this.as(precision, x);
    this.free(x);
    return y;
  }

  readIndices(tensor: Tensor): Int32Array {
    return this.#binding.tensorDataSync(tensor.id) as Int32Array;
  }

  free(...tensors: Tensor[]): void {
    for (const { id } of tensors) {
      this.#binding.deleteTensor(id);
      this.#made?.delete(id);
    }
  }

  /** Frees what `compute` has made and not freed if it throws; not to be nested. */
  freeingOnFailure<T>(compute: () => T): T {
    const made = new Set<number>();
    this.#made = made;
    try {
      return compute();
    } catch (error) {
      for (const id of made) this.#binding.deleteTensor(id);
      throw error;
    } finally {
      this.#made = null;
    }
  }

  /** Frees all that `compute` has made and not freed; not to be nested. */
  freeingAll<T>(compute: () => T): T {
    const made = new Set<number>();
    this.#made = made;
    try {
      return compute();
    } finally {
      for (const id of made) this.#binding.deleteTensor(id);
      this.#made = null;
    }
  }

  get numTensors(): number {
    return this.#binding.getNumOfTensors();
  }

  /** With stride 1 the result has x's height and width. */
  conv(x: Tensor, filter: Tensor, shape: ConvShape = plainConv): Tensor {
    return this.#one('Conv2D', this.#attributes.conv(filter.shape, shape), [x, filter]);
  }

  /** Gradient of `conv` with respect to its input, of the given shape. */
  convInputGradient(
    inputShape: readonly number[],
    filter: Tensor,
    gradient: Tensor,
    shape: ConvShape = plainConv,
  ): Tensor {
    const sizes = this.#constant(inputShape);
    const attributes = this.#attributes.conv(filter.shape, shape);
    return this.#one('Conv2DBackpropInput', attributes, [sizes, filter, gradient]);
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
    const attributes = this.#attributes.conv(filterShape, shape, isOwnKernel || shape.stride > 1);
    return this.#one('Conv2DBackpropFilter', attributes, [input, this.#constant(filterShape), gradient]);
  }

  /** a b, of matrices; either may be transposed first. */
  matMul(a: Tensor, b: Tensor, transpose: { a?: boolean; b?: boolean } = {}): Tensor {
    const attributes = [
      this.#attributes.flag('transpose_a', transpose.a ?? false),
      this.#attributes.flag('transpose_b', transpose.b ?? false),
    ];
    return this.#one('MatMul', attributes, [a, b]);
  }

  /** Each pixel's channels become a 2x2 block of pixels with a quarter of the channels, (row, column, channel) order. */
  depthToSpace(x: Tensor): Tensor {
    return this.#one('DepthToSpace', this.#attributes.block(), [x]);
  }

  /** Undoes `depthToSpace`. */
  spaceToDepth(x: Tensor): Tensor {
    return this.#one('SpaceToDepth', this.#attributes.block(), [x]);
  }

  addBias(x: Tensor, bias: Tensor): Tensor {
    return this.#one('BiasAdd', [this.#attributes.nhwc], [x, bias]);
  }

  biasGradient(gradient: Tensor): Tensor {
    return this.#one('BiasAddGrad', [this.#attributes.nhwc], [gradient]);
  }

  /** Normalises with the statistics of the batch. */
  batchNormTraining(x: Tensor, scale: Tensor, shift: Tensor): BatchNormOutputs {
    const none = this.#emptyFloat();
    const [y, mean, variance, r1, r2, r3] = this.#run(
      'FusedBatchNormV3',
      this.#attributes.batchNorm(true, true),
      [x, scale, shift, none, none],
      6,
    );
    return { y: y!, mean: mean!, variance: variance!, reserved: [r1!, r2!, r3!] };
  }

  /** Normalises with running statistics. */
  batchNormInference(x: Tensor, scale: Tensor, shift: Tensor, mean: Tensor, variance: Tensor): Tensor {
    const attributes = this.#attributes.batchNorm(false, true);
    const [y, ...rest] = this.#run('FusedBatchNormV3', attributes, [x, scale, shift, mean, variance], 6);
    this.free(...rest);
    return y!;
  }

  batchNormGradient(
    gradient: Tensor,
    x: Tensor,
    scale: Tensor,
    reserved: [Tensor, Tensor, Tensor],
  ): { x: Tensor; scale: Tensor; shift: Tensor } {
    const attributes = this.#attributes.batchNorm(true, false);
    const inputs = [gradient, x, scale, ...reserved];
    const [dx, dScale, dShift, ...rest] = this.#run('FusedBatchNormGradV3', attributes, inputs, 5);
    this.free(...rest);
    return { x: dx!, scale: dScale!, shift: dShift! };
  }

  /** An operation on each value for itself that knows no option but the type, such as Relu and ReluGrad. */
  pointwise(operation: string, ...inputs: readonly Tensor[]): Tensor {
    return this.#one(operation, [], inputs);
  }

  leakyRelu(x: Tensor, slope: number): Tensor {
    return this.#one('LeakyRelu', [this.#attributes.number('alpha', slope)], [x]);
  }

  /** `y` is the output of `leakyRelu`, or its input: the sign alone is read. */
  leakyReluGradient(gradient: Tensor, y: Tensor, slope: number): Tensor {
    return this.#one('LeakyReluGrad', [this.#attributes.number('alpha', slope)], [gradient, y]);
  }

  /** 2x2 with stride 2; an odd last row or column is left out, as in PyTorch. */
  maxPool(x: Tensor): Tensor {
    return this.#one('MaxPool', this.#attributes.pool(), [x]);
  }

  maxPoolGradient(x: Tensor, y: Tensor, gradient: Tensor): Tensor {
    return this.#one('MaxPoolGrad', this.#attributes.pool(), [x, y, gradient]);
  }

  /** 2x2 with stride 2; an odd last row or column is left out, as in PyTorch. */
  averagePool(x: Tensor): Tensor {
    return this.#one('AvgPool', this.#attributes.pool(), [x]);
  }

  averagePoolGradient(inputShape: readonly number[], gradient: Tensor): Tensor {
    return this.#one('AvgPoolGrad', this.#attributes.pool(), [this.#constant(inputShape), gradient]);
  }

  /** To twice the size; corners aligned, as torch.nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True). */
  upsampleBilinear(x: Tensor): Tensor {
    const [, height, width] = x.shape as [number, number, number];
    const size = this.#constant([height * 2, width * 2]);
    return this.into(precisionOf(x), this.#one('ResizeBilinear', this.#attributes.resize(), [x, size]));
  }

  upsampleBilinearGradient(gradient: Tensor, x: Tensor): Tensor {
    const wide = this.as('float32', gradient);
    const attributes = [this.#attributes.type('T', x.dtype), ...this.#attributes.resize()];
    const [ofInput] = this.#execute('ResizeBilinearGrad', attributes, [wide, x], 1);
    this.free(wide);
    return ofInput!;
  }

  /** Zeros around height and width. */
  pad(x: Tensor, { top, bottom, left, right }: Padding): Tensor {
    const paddings = this.#constant([0, 0, top, bottom, left, right, 0, 0], [4, 2]);
    return this.#one('Pad', [this.#attributes.type('Tpaddings', this.#binding.TF_INT32)], [x, paddings]);
  }

  slice(x: Tensor, begin: readonly number[], size: readonly number[]): Tensor {
    const attributes = [this.#attributes.type('Index', this.#binding.TF_INT32)];
    return this.#one('Slice', attributes, [x, this.#constant(begin), this.#constant(size)]);
  }

  concatChannels(...tensors: readonly Tensor[]): Tensor {
    const attributes = [
      this.#attributes.type('Tidx', this.#binding.TF_INT32),
      { name: 'N', type: this.#binding.TF_ATTR_INT, value: tensors.length },
    ];
    return this.#one('ConcatV2', attributes, [...tensors, this.#constant([3], [])]);
  }

  /** Of NHWC, [N, H, C]. */
  sumOverWidth(x: Tensor): Tensor {
    const attributes = [
      this.#attributes.type('Tidx', this.#binding.TF_INT32),
      this.#attributes.flag('keep_dims', false),
    ];
    return this.#one('Sum', attributes, [x, this.#constant([2])]);
  }

  /** (a - b)²; b may be one value per channel, as in `multiply`. */
  squaredDifference(a: Tensor, b: Tensor): Tensor {
    return this.#one('SquaredDifference', [], [a, b]);
  }

  add(a: Tensor, b: Tensor): Tensor {
    return this.#one('AddV2', [], [a, b]);
  }

  multiply(a: Tensor, b: Tensor): Tensor {
    return this.#one('Mul', [], [a, b]);
  }

  reshape(x: Tensor, shape: readonly number[]): Tensor {
    const attributes = [this.#attributes.type('Tshape', this.#binding.TF_INT32)];
    return this.#one('Reshape', attributes, [x, this.#constant(shape)]);
  }

  /** Loss per row of logits [rows, classes], and the gradient of their sum. */
  crossEntropy(logits: Tensor, labels: Tensor): { loss: Tensor; gradient: Tensor } {
    const attributes = [this.#attributes.type('Tlabels', this.#binding.TF_INT32)];
    const [loss, gradient] = this.#run(
      'SparseSoftmaxCrossEntropyWithLogits',
      attributes,
      [logits, labels],
      2,
    );
    return { loss: loss!, gradient: gradient! };
  }

  /** Of the rows of a matrix. */
  softmax(logits: Tensor): Tensor {
    return this.#one('Softmax', [], [logits]);
  }

  /** Index of the highest value of the last axis of a matrix. */
  argMax(x: Tensor): Tensor {
    const attributes = [
      this.#attributes.type('Tidx', this.#binding.TF_INT32),
      this.#attributes.type('output_type', this.#binding.TF_INT32),
    ];
    return this.#one('ArgMax', attributes, [x, this.#constant([1], [])]);
  }

  /** In the type of the first input that holds values, which is not always the first of all. */
  #run(name: string, attributes: OpAttribute[], inputs: readonly Tensor[], numOutputs: number): Tensor[] {
    const { dtype } = inputs.find((tensor) => tensor.dtype !== this.#binding.TF_INT32)!;
    return this.#execute(name, [this.#attributes.type('T', dtype), ...attributes], inputs, numOutputs);
  }

  #execute(name: string, attributes: OpAttribute[], inputs: readonly Tensor[], numOutputs: number): Tensor[] {
    const ids = inputs.map((tensor) => tensor.id);
    const outputs = this.#binding.executeOp(name, attributes, ids, numOutputs);
    for (const output of outputs) this.#noted(output);
    return outputs;
  }

  #one(name: string, attributes: OpAttribute[], inputs: readonly Tensor[]): Tensor {
    return this.#run(name, attributes, inputs, 1)[0]!;
  }

  #constant(values: readonly number[], shape: readonly number[] = [values.length]): Tensor {
    const key = `${values}/${shape}`;
    let tensor = this.#constants.get(key);
    if (!tensor) {
      tensor = this.indices(shape, Int32Array.from(values));
      this.#keep(key, tensor);
    }
    return tensor;
  }

  #keep(key: string, tensor: Tensor): void {
    this.#constants.set(key, tensor);
    this.#made?.delete(tensor.id);
  }

  #create(shape: readonly number[], dtype: number, values: Float32Array | Int32Array): Tensor {
    return this.#noted({ id: this.#binding.createTensor([...shape], dtype, values), shape, dtype });
  }

  #noted<T extends { id: number }>(tensor: T): T {
    this.#made?.add(tensor.id);
    return tensor;
  }

  #emptyFloat(): Tensor {
    let tensor = this.#constants.get('empty');
    if (!tensor) {
      tensor = this.tensor([0], new Float32Array(0));
      this.#keep('empty', tensor);
    }
    return tensor;
  }
}

export interface Padding {
  top: number;
  bottom: number;
  left: number;
  right: number;
}
