/**
 * Whether the options of a new run fit its data, asked before there is a run: by training, and by `inspect`, which says
 * what training would.
 */

import { parseClassWeights } from '@unet-fleet/config';
import { checkBatches, type Dataset, type Split, splitOf, trainingSizeOf } from '@unet-fleet/dataset';
import {
  type Config,
  type LossName,
  leafSizeOf,
  maxTotals,
  modelOf,
  sideLimits,
  totalsOf,
  UserError,
} from '@unet-fleet/law';

export interface Fit {
  split: Split;
  classWeights: number[] | null;
}

/**
 * Throws a UserError where no batch can be made of the photos, the model can't compute their size, there is not a weight
 * for each class, or the loss has no room for so many.
 */
export function fitOptions(config: Config, dataset: Dataset): Fit {
  const { data, train } = config;
  const { numClasses, samples } = dataset;
  const limits = sideLimits(modelOf(config.model, { inChannels: data.channels, numClasses }));
  for (const sample of samples) trainingSizeOf(data, sample, limits);
  const classWeights = classWeightsOf(config, dataset);
  assertTotalsFit(train.loss, numClasses);
  const split = splitOf(dataset, data.validationShare, train.seed);
  const { batchSize } = train;
  const leafSize = leafSizeOf(train);
  checkBatches(data, dataset.samples, { numTraining: split.training.length, batchSize, leafSize });
  return { split, classWeights };
}

function assertTotalsFit(loss: LossName, numClasses: number): void {
  const numTotals = totalsOf(loss)?.count(numClasses) ?? 0;
  if (numTotals <= maxTotals) return;
  throw new UserError(
    `--loss ${loss} needs ${numTotals} sums over the batch for ${numClasses} classes, and ${maxTotals} is the most: choose --loss cross-entropy`,
  );
}

/**
 * One weight per class. 'balanced' weighs a class by the inverse of its share of the pixels: numPixels / (numClasses *
 * pixels of the class), as scikit-learn's compute_class_weight does; a class that never occurs has weight 1.
 */
export function classWeightsOf({ train }: Config, { classPixels, numClasses }: Dataset): number[] | null {
  const weights = parseClassWeights(train.classWeights);
  if (weights === 'balanced') {
    const numPixels = classPixels.reduce((sum, pixels) => sum + pixels, 0);
    return classPixels.map((pixels) => (pixels > 0 ? numPixels / (numClasses * pixels) : 1));
  }
  if (weights && weights.length !== numClasses) {
    throw new UserError(
      `--class-weights has ${weights.length} numbers but there are ${numClasses} classes: give one for each`,
    );
  }
  return weights;
}
