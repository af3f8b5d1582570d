/**
 * Weights that are no finite numbers (NaN, infinity) give every pixel the first class, which looks like a prediction. What
 * this keeps true: a model that has diverged answers with a sentence, never with a picture.
 */
import { describeModel, type ModelConfig, UserError } from '@unet-fleet/law';

interface Weights {
  /** As a message calls the model. */
  name: string;
  model: ModelConfig;
  parameters: Float32Array;
  statistics: Float32Array;
}

/** Throws a UserError that names the tensor and what to use instead. */
export function assertFiniteWeights({ name, model, parameters, statistics }: Weights): void {
  const described = describeModel(model);
  const vectors = [
    { values: parameters, specs: described.parameters },
    { values: statistics, specs: described.statistics },
  ];
  for (const { values, specs } of vectors) {
    const at = firstNotFinite(values);
    if (at === -1) continue;
    const tensor = specs.findLast(({ offset }) => offset <= at)?.name;
    throw new UserError(
      `The weights of ${name} have diverged: in ${tensor} they are no finite numbers (${values[at]}), so that its answers mean nothing; name an earlier checkpoint with --checkpoint (the run's folder checkpoints/ shows which there are), or train with a smaller learning rate.`,
    );
  }
}

/** Throws a UserError where an answer (a value for each pixel and class) holds what is no finite number. */
export function assertFiniteAnswer(logits: Float32Array): void {
  if (firstNotFinite(logits) === -1) return;
  throw new UserError(
    'the model answers with numbers that are not finite, so its weights have most likely diverged; an earlier checkpoint may be good',
  );
}

/** Index of the first; -1 where all are finite. A loop, as answers have millions. */
function firstNotFinite(values: Float32Array): number {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return i;
  return -1;
}
