/**
 * The weights that a run starts from: PyTorch's default initialisation, drawn from the run's seed. Each tensor has a
 * stream of its own, named by the tensor, so no layer's numbers depend on another layer's size.
 */
import { RandomStream } from '../rng.ts';
import { fromTorchLayout } from './torch-layout.ts';
import type { ModelDescription } from './types.ts';

/**
 * Flat vector of parameters, engine layout. Convolutions and their biases: U(-1/sqrt(fanIn), 1/sqrt(fanIn)), which is
 * what kaiming_uniform_ with a = sqrt(5) comes to. Batch norms: scale 1, shift 0.
 */
export function initialParameters(model: ModelDescription, seed: number): Float32Array {
  const parameters = new Float32Array(model.numParameters);
  for (const spec of model.parameters) {
    if (spec.kind === 'bnShift') continue;
    const into = parameters.subarray(spec.offset, spec.offset + spec.size);
    if (spec.kind === 'bnScale') {
      into.fill(1);
      continue;
    }
    const stream = new RandomStream(seed, 'initial', spec.name);
    const bound = 1 / Math.sqrt(spec.fanIn);
    const values = new Float32Array(spec.size);
    for (let i = 0; i < values.length; i++) values[i] = stream.between(-bound, bound);
    into.set(fromTorchLayout(spec, values));
  }
  return parameters;
}

/** Running means 0 and variances 1. */
export function initialStatistics(model: ModelDescription): Float32Array {
  const statistics = new Float32Array(model.numStatistics);
  for (const spec of model.statistics) {
    if (spec.kind === 'bnVariance') statistics.fill(1, spec.offset, spec.offset + spec.size);
  }
  return statistics;
}
