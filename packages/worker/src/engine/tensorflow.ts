/**
 * TensorFlow's kernels as functions on tensors, those that networks of layers need. Images are NHWC, filters HWIO. A tensor lives
 * until it is freed; nothing here is freed by itself.
 */
import type { OpAttribute, TensorFlowBinding } from './binding.ts';

export interface Tensor {
  readonly id: number;
  readonly shape: readonly number[];
}

export interface BatchNormOutputs {
  y: Tensor;
  mean: Tensor;
  /** Unbiased, as PyTorch keeps it for the running variance. */
  variance: Tensor;
  /** What the kernel wants back for the gradient. */
  reserved: [Tensor, Tensor, Tensor];
}

/** Of a convolution with an odd kernel; its padding is dilation * (kernel - 1) / 2 on all sides, as PyTorch's. */
export interface ConvShape {
  stride: number;
  dilation: number;
}

const plainConv: ConvShape = { stride: 1, dilation: 1 };

/** Of every norm. */
export const batchNormEpsilon = 1e-5;

export class TensorFlow {
  readonly isGpu: boolean;
  readonly #binding: TensorFlowBinding;
  readonly #float: OpAttribute;
  readonly #nhwc: OpAttribute;
  /** Small constant vectors (sizes, axes, paddings), made once each. */
  readonly #constants = new Map<string, Tensor>();
  /** Made since `freeingOnFailure` began, and not freed; null outside of it. */
  #made: Set<number> | null = null;

  constructor(binding: TensorFlowBinding) {
    this.#binding = binding;
    this.isGpu = binding.isUsingGpuDevice();
    this.#float = this.#type('T', binding.TF_FLOAT);
    this.#nhwc = this.#text('data_format', 'NHWC');
  }

  /** The tensor may share the memory of `values`: leave them as they are while it lives. */
  tensor(shape: readonly number[], values: Float32Array): Tensor {
    return this.#noted({ id: this.#binding.createTensor([...shape], this.#binding.TF_FLOAT, values), shape });
  }

  indices(shape: readonly number[], values: Int32Array): Tensor {
    return this.#noted({ id: this.#binding.createTensor([...shape], this.#binding.TF_INT32, values), shape });
  }

  read(tensor: Tensor): Float32Array {
    return this.#binding.tensorDataSync(tensor.id) as Float32Array;
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
    return this.#one('Conv2D', this.#convAttributes(filter.shape, shape), [x, filter]);
  }

  /** Gradient of `conv` with respect to its input, of the given shape. */
  convInputGradient(
    inputShape: readonly number[],
    filter: Tensor,
    gradient: Tensor,
    shape: ConvShape = plainConv,
  ): Tensor {
    const sizes = this.#constant(inputShape);
    const attributes = this.#convAttributes(filter.shape, shape);
    return this.#one('Conv2DBackpropInput', attributes, [sizes, filter, gradient]);
  }

  /** Gradient of `conv` with respect to its filter. */
  convFilterGradient(
    input: Tensor,
    filterShape: readonly number[],
    gradient: Tensor,
    shape: ConvShape = plainConv,
  ): Tensor {
    // Explicit paddings keep the operation from oneDNN, which takes twice as long for it as TensorFlow's own kernel; that
    // one knows no dilation.
    const attributes = this.#convAttributes(filterShape, shape, shape.dilation === 1 || shape.stride > 1);
    return this.#one('Conv2DBackpropFilter', attributes, [input, this.#constant(filterShape), gradient]);
  }

  /** a b, of matrices; either may be transposed first. */
  matMul(a: Tensor, b: Tensor, transpose: { a?: boolean; b?: boolean } = {}): Tensor {
    const attributes = [
      this.#float,
      this.#flag('transpose_a', transpose.a ?? false),
      this.#flag('transpose_b', transpose.b ?? false),
    ];
    return this.#one('MatMul', attributes, [a, b]);
  }

  /** Each pixel's channels become a 2x2 block of pixels with a quarter of the channels, (row, column, channel) order. */
  depthToSpace(x: Tensor): Tensor {
    return this.#one('DepthToSpace', this.#blockAttributes(), [x]);
  }

  /** Undoes `depthToSpace`. */
  spaceToDepth(x: Tensor): Tensor {
    return this.#one('SpaceToDepth', this.#blockAttributes(), [x]);
  }

  addBias(x: Tensor, bias: Tensor): Tensor {
    return this.#one('BiasAdd', [this.#float, this.#nhwc], [x, bias]);
  }

  biasGradient(gradient: Tensor): Tensor {
    return this.#one('BiasAddGrad', [this.#float, this.#nhwc], [gradient]);
  }

  /** Normalises with the statistics of the batch. */
  batchNormTraining(x: Tensor, scale: Tensor, shift: Tensor): BatchNormOutputs {
    const none = this.#emptyFloat();
    const [y, mean, variance, r1, r2, r3] = this.#run(
      'FusedBatchNormV3',
      this.#batchNormAttributes(true, true),
      [x, scale, shift, none, none],
      6,
    );
    return { y: y!, mean: mean!, variance: variance!, reserved: [r1!, r2!, r3!] };
  }

  /** Normalises with running statistics. */
  batchNormInference(x: Tensor, scale: Tensor, shift: Tensor, mean: Tensor, variance: Tensor): Tensor {
    const attributes = this.#batchNormAttributes(false, true);
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
    const attributes = this.#batchNormAttributes(true, false);
    const inputs = [gradient, x, scale, ...reserved];
    const [dx, dScale, dShift, ...rest] = this.#run('FusedBatchNormGradV3', attributes, inputs, 5);
    this.free(...rest);
    return { x: dx!, scale: dScale!, shift: dShift! };
  }

  relu(x: Tensor): Tensor {
    return this.#one('Relu', [this.#float], [x]);
  }

  /** `y` is the output of `relu`. */
  reluGradient(gradient: Tensor, y: Tensor): Tensor {
    return this.#one('ReluGrad', [this.#float], [gradient, y]);
  }

  leakyRelu(x: Tensor, slope: number): Tensor {
    return this.#one('LeakyRelu', [this.#float, this.#number('alpha', slope)], [x]);
  }

  /** `y` is the output of `leakyRelu`, or its input: the sign alone is read. */
  leakyReluGradient(gradient: Tensor, y: Tensor, slope: number): Tensor {
    return this.#one('LeakyReluGrad', [this.#float, this.#number('alpha', slope)], [gradient, y]);
  }

  /** 2x2 with stride 2; an odd last row or column is left out, as in PyTorch. */
  maxPool(x: Tensor): Tensor {
    return this.#one('MaxPool', this.#poolAttributes(), [x]);
  }

  maxPoolGradient(x: Tensor, y: Tensor, gradient: Tensor): Tensor {
    return this.#one('MaxPoolGrad', this.#poolAttributes(), [x, y, gradient]);
  }

  /** 2x2 with stride 2; an odd last row or column is left out, as in PyTorch. */
  averagePool(x: Tensor): Tensor {
    return this.#one('AvgPool', this.#poolAttributes(), [x]);
  }

  averagePoolGradient(inputShape: readonly number[], gradient: Tensor): Tensor {
    return this.#one('AvgPoolGrad', this.#poolAttributes(), [this.#constant(inputShape), gradient]);
  }

  /** To twice the size; corners aligned, as torch.nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True). */
  upsampleBilinear(x: Tensor): Tensor {
    const [, height, width] = x.shape as [number, number, number];
    const size = this.#constant([height * 2, width * 2]);
    return this.#one('ResizeBilinear', this.#resizeAttributes(), [x, size]);
  }

  upsampleBilinearGradient(gradient: Tensor, x: Tensor): Tensor {
    return this.#one('ResizeBilinearGrad', this.#resizeAttributes(), [gradient, x]);
  }

  /** Zeros around height and width. */
  pad(x: Tensor, { top, bottom, left, right }: Padding): Tensor {
    const paddings = this.#constant([0, 0, top, bottom, left, right, 0, 0], [4, 2]);
    return this.#one('Pad', [this.#float, this.#type('Tpaddings', this.#binding.TF_INT32)], [x, paddings]);
  }

  slice(x: Tensor, begin: readonly number[], size: readonly number[]): Tensor {
    const attributes = [this.#float, this.#type('Index', this.#binding.TF_INT32)];
    return this.#one('Slice', attributes, [x, this.#constant(begin), this.#constant(size)]);
  }

  concatChannels(...tensors: readonly Tensor[]): Tensor {
    const attributes = [
      this.#float,
      this.#type('Tidx', this.#binding.TF_INT32),
      { name: 'N', type: this.#binding.TF_ATTR_INT, value: tensors.length },
    ];
    return this.#one('ConcatV2', attributes, [...tensors, this.#constant([3], [])]);
  }

  /** Of NHWC, [N, H, C]. */
  sumOverWidth(x: Tensor): Tensor {
    const attributes = [
      this.#float,
      this.#type('Tidx', this.#binding.TF_INT32),
      this.#flag('keep_dims', false),
    ];
    return this.#one('Sum', attributes, [x, this.#constant([2])]);
  }

  /** (a - b)²; b may be one value per channel, as in `multiply`. */
  squaredDifference(a: Tensor, b: Tensor): Tensor {
    return this.#one('SquaredDifference', [this.#float], [a, b]);
  }

  add(a: Tensor, b: Tensor): Tensor {
    return this.#one('AddV2', [this.#float], [a, b]);
  }

  multiply(a: Tensor, b: Tensor): Tensor {
    return this.#one('Mul', [this.#float], [a, b]);
  }

  reshape(x: Tensor, shape: readonly number[]): Tensor {
    const attributes = [this.#float, this.#type('Tshape', this.#binding.TF_INT32)];
    return this.#one('Reshape', attributes, [x, this.#constant(shape)]);
  }

  /** Loss per row of logits [rows, classes], and the gradient of their sum. */
  crossEntropy(logits: Tensor, labels: Tensor): { loss: Tensor; gradient: Tensor } {
    const attributes = [this.#float, this.#type('Tlabels', this.#binding.TF_INT32)];
    const [loss, gradient] = this.#run(
      'SparseSoftmaxCrossEntropyWithLogits',
      attributes,
      [logits, labels],
      2,
    );
    return { loss: loss!, gradient: gradient! };
  }

  /** Index of the highest value of the last axis of a matrix. */
  argMax(x: Tensor): Tensor {
    const attributes = [
      this.#float,
      this.#type('Tidx', this.#binding.TF_INT32),
      this.#type('output_type', this.#binding.TF_INT32),
    ];
    return this.#one('ArgMax', attributes, [x, this.#constant([1], [])]);
  }

  #run(name: string, attributes: OpAttribute[], inputs: readonly Tensor[], numOutputs: number): Tensor[] {
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

  /** TensorFlow's own "SAME" pads a conv with a stride below and right first, which PyTorch does not. */
  #convAttributes(
    [kernel]: readonly number[],
    { stride, dilation }: ConvShape,
    isExplicit = stride > 1,
  ): OpAttribute[] {
    const side = (dilation * (kernel! - 1)) / 2;
    return [
      this.#float,
      this.#ints('strides', [1, stride, stride, 1]),
      this.#text('padding', isExplicit ? 'EXPLICIT' : 'SAME'),
      this.#ints('dilations', [1, dilation, dilation, 1]),
      this.#nhwc,
      this.#flag('use_cudnn_on_gpu', true),
      ...(isExplicit ? [this.#ints('explicit_paddings', [0, 0, side, side, side, side, 0, 0])] : []),
    ];
  }

  #blockAttributes(): OpAttribute[] {
    return [this.#float, { name: 'block_size', type: this.#binding.TF_ATTR_INT, value: 2 }, this.#nhwc];
  }

  #poolAttributes(): OpAttribute[] {
    return [
      this.#float,
      this.#ints('ksize', [1, 2, 2, 1]),
      this.#ints('strides', [1, 2, 2, 1]),
      this.#text('padding', 'VALID'),
      this.#nhwc,
    ];
  }

  #resizeAttributes(): OpAttribute[] {
    return [this.#float, this.#flag('align_corners', true)];
  }

  #batchNormAttributes(isTraining: boolean, isForward: boolean): OpAttribute[] {
    const attributes = [
      this.#float,
      this.#type('U', this.#binding.TF_FLOAT),
      this.#number('epsilon', batchNormEpsilon),
      this.#flag('is_training', isTraining),
      this.#nhwc,
    ];
    if (isForward) {
      attributes.push(this.#number('exponential_avg_factor', 1));
    }
    return attributes;
  }

  #type(name: string, value: number): OpAttribute {
    return { name, type: this.#binding.TF_ATTR_TYPE, value };
  }

  #number(name: string, value: number): OpAttribute {
    return { name, type: this.#binding.TF_ATTR_FLOAT, value };
  }

  #text(name: string, value: string): OpAttribute {
    return { name, type: this.#binding.TF_ATTR_STRING, value };
  }

  #flag(name: string, value: boolean): OpAttribute {
    return { name, type: this.#binding.TF_ATTR_BOOL, value };
  }

  #ints(name: string, value: number[]): OpAttribute {
    return { name, type: this.#binding.TF_ATTR_INT, value };
  }
}

export interface Padding {
  top: number;
  bottom: number;
  left: number;
  right: number;
}
