/** Starts an engine for inference, in a thread of its own so that a progress bar goes on while it computes. */
import { ignoredLabel, wireFormats } from '@unet-fleet/law';
import { NumericMemory, roundValues } from '@unet-fleet/numerics';
import { ComputeThread } from '../engine/compute-thread.ts';
import { assertFiniteWeights } from '../engine/finite.ts';
import type { EngineChoice, InferenceEngine, TrainedModel } from './types.ts';

/**
 * An engine that holds the model's weights as the workers of its training had them, so that it answers as they did in the
 * run's validations; the caller closes it. Throws a UserError when TensorFlow is not installed, the device is not there, or
 * the weights have diverged.
 */
export async function openInferenceEngine(
  trained: TrainedModel,
  choice: EngineChoice,
): Promise<InferenceEngine> {
  assertFiniteWeights(trained);
  const { model, statistics, loss, classWeights, data } = trained;
  const ignoreIndex = ignoredLabel(data);
  const engine = await ComputeThread.start({
    ...choice,
    model,
    loss,
    ignoreIndex,
    classWeights,
  });
  try {
    await engine.setWeights(asTravelled(trained), statistics);
    return engine;
  } catch (error) {
    await engine.close();
    throw error;
  }
}

function asTravelled({ parameters, wire }: TrainedModel): Float32Array {
  const { weights } = wireFormats[wire];
  if (weights === 'float32') return parameters;
  const rounded = new NumericMemory().from(parameters);
  roundValues(rounded, weights);
  return rounded.view;
}
