/** The tensors that layers declare, and how they begin. */
import type { Initial, TensorDeclaration, TensorKind } from '../node.ts';

/** How weights of convolutions begin. Their biases follow PyTorch's default for `torchDefault`, and are 0 else. */
export type ConvInitial = 'torchDefault' | { heNormal: { slope: number } };

/** Weight of a convolution of either kind, and its bias where it has one. */
export function convTensors(
  convInitial: ConvInitial,
  name: string,
  weight: Pick<TensorDeclaration, 'kind' | 'torchShape' | 'engineShape' | 'fanIn'>,
  { numOut, hasBias }: { numOut: number; hasBias: boolean },
): TensorDeclaration[] {
  const { fanIn } = weight;
  const kernel = { name: `${name}.weight`, ...weight, initial: kernelInitial(convInitial, fanIn) };
  if (!hasBias) return [kernel];
  const initial: Initial =
    convInitial === 'torchDefault' ? kernelInitial(convInitial, fanIn) : { kind: 'constant', value: 0 };
  return [kernel, vector(`${name}.bias`, 'bias', numOut, initial, fanIn)];
}

/**
 * PyTorch's default, kaiming_uniform_ with a = sqrt(5), comes to U(±1/sqrt(fanIn)), for biases too; He et al., 2015, with
 * a leaky ReLU's slope is N(0, 2 / ((1 + slope²) fanIn)).
 */
function kernelInitial(initial: ConvInitial, fanIn: number): Initial {
  if (initial === 'torchDefault') return { kind: 'uniform', bound: 1 / Math.sqrt(fanIn) };
  const { slope } = initial.heNormal;
  return { kind: 'normal', deviation: Math.sqrt(2 / (1 + slope * slope)) / Math.sqrt(fanIn) };
}

/** A tensor that begins with one value. */
export const constant = (name: string, kind: TensorKind, length: number, value: number) =>
  vector(name, kind, length, { kind: 'constant', value });

const vector = (
  name: string,
  kind: TensorKind,
  length: number,
  initial: Initial,
  fanIn = 0,
): TensorDeclaration => ({ name, kind, torchShape: [length], engineShape: [length], fanIn, initial });
