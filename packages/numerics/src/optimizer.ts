/**
 * The optimizers, as PyTorch 2.15 defines them (torch.optim's single-tensor code on the CPU: the same operations in
 * the same order in float32; hyperparameters are computed in float64 and rounded once). Mean, clipping and update are
 * one pass over memory. An update of a part of the vectors touches that part alone, and gives the same bits as the
 * update of the whole.
 *
 * To add an optimizer: a kernel in assembly/index.ts and an entry in `createOptimizer`.
 */
import type { TrainConfig } from '@unet-fleet/shared';
import type { FloatVector } from './memory.ts';

export type OptimizerConfig = Pick<
  TrainConfig,
  'optimizer' | 'weightDecay' | 'momentum' | 'alpha' | 'beta1' | 'beta2' | 'epsilon' | 'clip' | 'clipLimit'
>;

/** A part of the model's flat vectors; all of one length, in one memory. */
export interface OptimizerVectors {
  parameters: FloatVector;
  /** Sums over the global batch (the root of the reduction tree). Not changed. */
  gradients: FloatVector;
  /** State, in the order of `Optimizer.slots`; all zeros before the first update. */
  slots: FloatVector[];
}

export interface UpdateScalars {
  /** 1 / weightSum of the global batch: makes the sum a mean. */
  scale: number;
  /** `clipNormCoefficient` of the whole gradient where clip is 'norm', otherwise 1. */
  normCoefficient: number;
  learningRate: number;
  /** Counts from 1: the number of this commit. Adam's bias correction needs it. */
  updateIndex: number;
}

export interface Optimizer {
  /** Names of the state vectors, as in PyTorch's state dict. */
  readonly slots: readonly string[];
  /** Changes parameters and slots in place. */
  apply(vectors: OptimizerVectors, scalars: UpdateScalars): void;
}

const slotsOf = (config: OptimizerConfig): string[] => {
  switch (config.optimizer) {
    case 'rmsprop':
      return config.momentum > 0 ? ['square_avg', 'momentum_buffer'] : ['square_avg'];
    case 'sgd':
      return config.momentum > 0 ? ['momentum_buffer'] : [];
    case 'adam':
    case 'adamw':
      return ['exp_avg', 'exp_avg_sq'];
  }
};

/**
 * base ** exponent for a whole exponent >= 0, by multiplications alone: what Math.pow returns in the last bit is left
 * to the JavaScript engine, and must not reach the weights.
 */
export function integerPower(base: number, exponent: number): number {
  let result = 1;
  let square = base;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= square;
    square *= square;
  }
  return result;
}

function assertFits({ parameters, gradients, slots }: OptimizerVectors, numSlots: number): void {
  if (slots.length !== numSlots)
    throw new Error(`${slots.length} state vectors where ${numSlots} are needed`);
  for (const vector of [gradients, ...slots]) {
    if (vector.length !== parameters.length || vector.memory !== parameters.memory) {
      throw new RangeError('parameters, gradients and state must have one length and one memory');
    }
  }
}

export function createOptimizer(config: OptimizerConfig): Optimizer {
  const slots = slotsOf(config);
  const { weightDecay, momentum, alpha, beta1, beta2, epsilon } = config;
  const limit = config.clip === 'value' ? config.clipLimit : Number.POSITIVE_INFINITY;
  const noSlot = 0;

  const apply = (vectors: OptimizerVectors, scalars: UpdateScalars): void => {
    assertFits(vectors, slots.length);
    const { parameters, gradients } = vectors;
    const { kernels } = parameters.memory;
    const { learningRate, updateIndex } = scalars;
    const [first = noSlot, second = noSlot] = vectors.slots.map((slot) => slot.offset);
    const gradientScalars = [scalars.scale, scalars.normCoefficient, limit];
    const { offset: p, length } = parameters;
    const g = gradients.offset;
    switch (config.optimizer) {
      case 'sgd':
        kernels.sgd(p, g, first, length, ...gradientScalars, weightDecay, momentum, -learningRate);
        break;
      case 'rmsprop':
        kernels.rmsprop(
          ...([p, g, first, second, length] as const),
          ...gradientScalars,
          ...[weightDecay, alpha, 1 - alpha, epsilon, momentum, -learningRate],
        );
        break;
      case 'adam':
      case 'adamw': {
        const decoupled = config.optimizer === 'adamw';
        const weight = Math.fround(1 - beta1);
        const fromGradient = weight >= 0.5;
        const correction1 = 1 - integerPower(beta1, updateIndex);
        const correction2 = 1 - integerPower(beta2, updateIndex);
        kernels.adam(
          ...([p, g, first, second, length] as const),
          ...gradientScalars,
          ...(decoupled ? [1 - learningRate * weightDecay, 0] : [1, weightDecay]),
          ...[fromGradient ? weight - 1 : weight, fromGradient ? 1 : 0, beta2, 1 - beta2],
          ...[Math.sqrt(correction2), epsilon, -learningRate / correction1],
        );
        break;
      }
    }
  };
  return { slots, apply };
}
