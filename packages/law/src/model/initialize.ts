/**
 * The weights that a run starts from: each tensor as its graph says, drawn from the run's seed. Each tensor has a
 * stream of its own, named by the tensor, so no layer's numbers depend on another layer's size.
 */
import { RandomStream } from '../rng.ts';
import { fromTorchLayout } from './torch-layout.ts';
import type { ModelDescription, TensorSpec } from './types.ts';

/** Flat vector of parameters, engine layout. */
export function initialParameters(model: ModelDescription, seed: number): Float32Array {
  const parameters = new Float32Array(model.numParameters);
  for (const spec of model.parameters) {
    const values = initialValues(spec, seed);
    parameters.subarray(spec.offset, spec.offset + spec.size).set(fromTorchLayout(spec, values));
  }
  return parameters;
}

/** In PyTorch's layout: a stream does not depend on how the engine lays a tensor out. */
function initialValues({ name, size, initial }: TensorSpec, seed: number): Float32Array {
  const values = new Float32Array(size);
  if (initial.kind === 'constant') return values.fill(initial.value);
  const stream = new RandomStream(seed, 'initial', name);
  for (let i = 0; i < size; i++) {
    values[i] =
      initial.kind === 'uniform'
        ? stream.between(-initial.bound, initial.bound)
        : initial.deviation * stream.normal();
  }
  return values;
}

/** Running means and variances. */
export function initialStatistics(model: ModelDescription): Float32Array {
  const statistics = new Float32Array(model.numStatistics);
  for (const { initial, offset, size } of model.statistics) {
    if (initial.kind !== 'constant') throw new Error('running statistics begin with a constant');
    statistics.fill(initial.value, offset, offset + size);
  }
  return statistics;
}
