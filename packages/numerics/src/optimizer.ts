/**
 * Applies an optimizer of the registry (law/optimizers) to vectors, in float32 with one rounding for each operation.
 * Mean, clipping and update are one pass over memory. An update of a part of the vectors touches that part alone, and
 * gives the same bits as the update of the whole.
 */
import { type OptimizerOptions, optimizers, type TrainConfig, type UpdateFacts } from '@unet-fleet/law';
import type { FloatVector } from './memory.ts';
import type { UpdateKernel } from './webassembly.ts';

export type OptimizerConfig = Pick<TrainConfig, 'optimizer' | 'clip' | 'clipLimit'> & OptimizerOptions;

/** A part of the model's flat vectors; all of one length, in one memory. */
export interface OptimizerVectors {
  parameters: FloatVector;
  /** Sums over the global batch (the root of the reduction tree). Not changed. */
  gradients: FloatVector;
  /** State, in the order of `Optimizer.slots`; all zeros before the first update. */
  slots: FloatVector[];
}

export interface UpdateScalars extends UpdateFacts {
  /** 1 / weightSum of the global batch: makes the sum a mean. */
  scale: number;
  /** `clipNormCoefficient` of the whole gradient where clip is 'norm', otherwise 1. */
  normCoefficient: number;
}

export interface Optimizer {
  /** Names of the state vectors, as in PyTorch's state dict. */
  readonly slots: readonly string[];
  /** Changes parameters and slots in place. */
  apply(vectors: OptimizerVectors, scalars: UpdateScalars): void;
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

/** The optimizer that the config names. */
export function createOptimizer(config: OptimizerConfig): Optimizer {
  const rule = optimizers[config.optimizer];
  const places = rule.slots(config);
  const slots = places.filter((name) => name !== null);
  const limit = config.clip === 'value' ? config.clipLimit : Number.POSITIVE_INFINITY;

  const apply = (vectors: OptimizerVectors, scalars: UpdateScalars): void => {
    assertFits(vectors, slots.length);
    const { parameters, gradients } = vectors;
    const kernel: UpdateKernel = parameters.memory.kernels[rule.kernel];
    const remaining = [...vectors.slots];
    kernel(
      parameters.offset,
      gradients.offset,
      // Offset 0 is no vector.
      ...places.map((name) => (name === null ? 0 : remaining.shift()!.offset)),
      parameters.length,
      ...[scalars.scale, scalars.normCoefficient, limit],
      ...rule.scalars(config, scalars),
    );
  };
  return { slots, apply };
}
