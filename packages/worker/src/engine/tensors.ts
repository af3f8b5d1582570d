/**
 * Tensors of TensorFlow, how long they live, and how an operation is run on them. A tensor lives until it is freed; nothing
 * here is freed by itself. What this file keeps true: an operation computes in the type of its first tensor that holds
 * values, and one that adds up many values in bf16 rounds them once, whatever the kernels of this machine do.
 */
import type { Precision } from '@unet-fleet/law';
import type { OpAttribute, TensorFlowBinding } from './binding.ts';
import { bfloat16, type ConvShape, OpAttributes } from './op-attributes.ts';

export interface Tensor {
  readonly id: number;
  readonly shape: readonly number[];
  /** TensorFlow's number of the type of its values. */
  readonly dtype: number;
}

/** In which its values are kept. */
export const precisionOf = ({ dtype }: Tensor): Precision => (dtype === bfloat16 ? 'bf16' : 'float32');

export const plainConv: ConvShape = { stride: 1, dilation: 1 };

/** A sum that bf16 can hold, of more terms than any kernel adds before it rounds. */
const numOnes = 192 ** 2;

export class Tensors {
  readonly isGpu: boolean;
  protected readonly binding: TensorFlowBinding;
  protected readonly attributes: OpAttributes;
  #addsBf16Exactly: boolean | null = null;
  /** Small constant vectors (sizes, axes, paddings), made once each. */
  readonly #constants = new Map<string, Tensor>();
  /** Made since `freeingOnFailure` began, and not freed; null outside of it. */
  #made: Set<number> | null = null;

  constructor(binding: TensorFlowBinding) {
    this.binding = binding;
    this.isGpu = binding.isUsingGpuDevice();
    this.attributes = new OpAttributes(binding);
  }

  /** The tensor may share the memory of `values`: leave them as they are while it lives. */
  tensor(shape: readonly number[], values: Float32Array): Tensor {
    return this.#create(shape, this.binding.TF_FLOAT, values);
  }

  indices(shape: readonly number[], values: Int32Array): Tensor {
    return this.#create(shape, this.binding.TF_INT32, values);
  }

  /** Of any of the types that values are computed in. */
  read(tensor: Tensor): Float32Array {
    if (tensor.dtype === this.binding.TF_FLOAT) return this.binding.tensorDataSync(tensor.id) as Float32Array;
    const wide = this.as('float32', tensor);
    const values = this.read(wide);
    this.free(wide);
    return values;
  }

  /** Values of this precision, as a tensor of its own; they are rounded to the nearest. Shares them where it is theirs. */
  as(precision: Precision, x: Tensor): Tensor {
    const dtype = precision === 'bf16' ? bfloat16 : this.binding.TF_FLOAT;
    if (x.dtype === dtype) return this.reshape(x, x.shape);
    return this.execute('Cast', this.attributes.cast(x.dtype, dtype), [x], 1)[0]!;
  }

  /** As `as`, of a tensor that is taken over. */
  into(precision: Precision, x: Tensor): Tensor {
    const y = this.as(precision, x);
    this.free(x);
    return y;
  }

  readIndices(tensor: Tensor): Int32Array {
    return this.binding.tensorDataSync(tensor.id) as Int32Array;
  }

  free(...tensors: Tensor[]): void {
    for (const { id } of tensors) {
      this.binding.deleteTensor(id);
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
      for (const id of made) this.binding.deleteTensor(id);
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
      for (const id of made) this.binding.deleteTensor(id);
      this.#made = null;
    }
  }

  /**
   * Whether this machine's kernels for bf16 add products in float32 and round once, which is found out by adding ones: those
   * of oneDNN do, where the processor has AVX-512, and those of a GPU.
   */
  get addsBf16Exactly(): boolean {
    this.#addsBf16Exactly ??= this.isGpu || this.#sumOfOnes() === numOnes;
    return this.#addsBf16Exactly;
  }

  /** Of as many pixels, as a convolution's filter gradient in bf16 has it. */
  #sumOfOnes(): number {
    const [input, gradient] = [16, 8].map((channels) => {
      const values = new Float32Array(numOnes * channels).fill(1);
      return this.into('bf16', this.tensor([1, Math.sqrt(numOnes), Math.sqrt(numOnes), channels], values));
    }) as [Tensor, Tensor];
    const attributes = this.attributes.conv([1, 1, 16, 8], plainConv);
    const inputs = [input, this.constant([1, 1, 16, 8]), gradient];
    const sums = this.one('Conv2DBackpropFilter', attributes, inputs);
    const [first] = this.read(sums);
    this.free(input, gradient, sums);
    return first!;
  }

  get numTensors(): number {
    return this.binding.getNumOfTensors();
  }

  reshape(x: Tensor, shape: readonly number[]): Tensor {
    const attributes = [this.attributes.type('Tshape', this.binding.TF_INT32)];
    return this.one('Reshape', attributes, [x, this.constant(shape)]);
  }

  /** In the type of the first input that holds values, which is not always the first of all. */
  protected run(
    name: string,
    attributes: OpAttribute[],
    inputs: readonly Tensor[],
    numOutputs: number,
  ): Tensor[] {
    const { dtype } = inputs.find((tensor) => tensor.dtype !== this.binding.TF_INT32)!;
    return this.execute(name, [this.attributes.type('T', dtype), ...attributes], inputs, numOutputs);
  }

  protected execute(
    name: string,
    attributes: OpAttribute[],
    inputs: readonly Tensor[],
    numOutputs: number,
  ): Tensor[] {
    const ids = inputs.map((tensor) => tensor.id);
    const outputs = this.binding.executeOp(name, attributes, ids, numOutputs);
    for (const output of outputs) this.#noted(output);
    return outputs;
  }

  protected one(name: string, attributes: OpAttribute[], inputs: readonly Tensor[]): Tensor {
    return this.run(name, attributes, inputs, 1)[0]!;
  }

  /**
   * An operation that adds products. In bf16 some kernels round sums of a part of them, which over the pixels of a map loses
   * a third of a filter's gradient; where that is so it is computed in float32, from the same values, and rounded once.
   */
  protected sums(
    name: string,
    attributes: OpAttribute[],
    inputs: readonly Tensor[],
    { stride }: ConvShape = plainConv,
  ): Tensor {
    // Explicit paddings keep an operation from oneDNN.
    const isExact = inputs.every(({ dtype }) => dtype !== bfloat16) || (stride === 1 && this.addsBf16Exactly);
    return isExact ? this.one(name, attributes, inputs) : this.inFloat32(name, attributes, inputs);
  }

  /** The result is rounded to the type of the values that go in. */
  protected inFloat32(name: string, attributes: OpAttribute[], inputs: readonly Tensor[]): Tensor {
    const narrow = inputs.filter(({ dtype }) => dtype === bfloat16);
    if (narrow.length === 0) return this.one(name, attributes, inputs);
    const wide = new Map(narrow.map((x) => [x, this.as('float32', x)]));
    const result = this.one(
      name,
      attributes,
      inputs.map((x) => wide.get(x) ?? x),
    );
    this.free(...wide.values());
    return this.into('bf16', result);
  }

  protected constant(values: readonly number[], shape: readonly number[] = [values.length]): Tensor {
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
    return this.#noted({ id: this.binding.createTensor([...shape], dtype, values), shape, dtype });
  }

  #noted<T extends { id: number }>(tensor: T): T {
    this.#made?.add(tensor.id);
    return tensor;
  }

  protected emptyFloat(): Tensor {
    let tensor = this.#constants.get('empty');
    if (!tensor) {
      tensor = this.tensor([0], new Float32Array(0));
      this.#keep('empty', tensor);
    }
    return tensor;
  }
}
