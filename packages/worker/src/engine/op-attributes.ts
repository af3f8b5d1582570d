/** Attributes of TensorFlow's operations, as its binding wants them: what a kernel is, beside the tensors that it is given. */
import type { OpAttribute, TensorFlowBinding } from './binding.ts';

/** Of a convolution with an odd kernel; its padding is dilation * (kernel - 1) / 2 on all sides, as PyTorch's. */
export interface ConvShape {
  stride: number;
  dilation: number;
}

/** TensorFlow's number of the type, for which its binding has no name. */
export const bfloat16 = 14;

/** Of every norm. */
export const batchNormEpsilon = 1e-5;

export class OpAttributes {
  readonly #binding: TensorFlowBinding;
  /** Images are NHWC. */
  readonly nhwc: OpAttribute;

  constructor(binding: TensorFlowBinding) {
    this.#binding = binding;
    this.nhwc = this.text('data_format', 'NHWC');
  }

  /** TensorFlow's own "SAME" pads a conv with a stride below and right first, which PyTorch does not. */
  conv([kernel]: readonly number[], { stride, dilation }: ConvShape, isExplicit = stride > 1): OpAttribute[] {
    const side = (dilation * (kernel! - 1)) / 2;
    return [
      this.ints('strides', [1, stride, stride, 1]),
      this.text('padding', isExplicit ? 'EXPLICIT' : 'SAME'),
      this.ints('dilations', [1, dilation, dilation, 1]),
      this.nhwc,
      this.flag('use_cudnn_on_gpu', true),
      ...(isExplicit ? [this.ints('explicit_paddings', [0, 0, side, side, side, side, 0, 0])] : []),
    ];
  }

  cast(from: number, to: number): OpAttribute[] {
    return [this.type('SrcT', from), this.type('DstT', to), this.flag('Truncate', false)];
  }

  block(): OpAttribute[] {
    return [{ name: 'block_size', type: this.#binding.TF_ATTR_INT, value: 2 }, this.nhwc];
  }

  pool(): OpAttribute[] {
    return [
      this.ints('ksize', [1, 2, 2, 1]),
      this.ints('strides', [1, 2, 2, 1]),
      this.text('padding', 'VALID'),
      this.nhwc,
    ];
  }

  resize(): OpAttribute[] {
    return [this.flag('align_corners', true)];
  }

  batchNorm(isTraining: boolean, isForward: boolean): OpAttribute[] {
    const attributes = [
      this.type('U', this.#binding.TF_FLOAT),
      this.number('epsilon', batchNormEpsilon),
      this.flag('is_training', isTraining),
      this.nhwc,
    ];
    if (isForward) {
      attributes.push(this.number('exponential_avg_factor', 1));
    }
    return attributes;
  }

  type(name: string, value: number): OpAttribute {
    return { name, type: this.#binding.TF_ATTR_TYPE, value };
  }

  number(name: string, value: number): OpAttribute {
    return { name, type: this.#binding.TF_ATTR_FLOAT, value };
  }

  text(name: string, value: string): OpAttribute {
    return { name, type: this.#binding.TF_ATTR_STRING, value };
  }

  flag(name: string, value: boolean): OpAttribute {
    return { name, type: this.#binding.TF_ATTR_BOOL, value };
  }

  ints(name: string, value: number[]): OpAttribute {
    return { name, type: this.#binding.TF_ATTR_INT, value };
  }
}
