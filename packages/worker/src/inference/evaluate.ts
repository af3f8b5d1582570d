/**
 * Scores a model on samples, at the size and in the way that validation does during training: leaves of the same
 * engine, sums of losses, one exact confusion matrix, scores derived once at the end.
 */
import { join } from 'node:path';
import { loadSample, type Sample, toBatch, trainingSizeOf } from '@unet-fleet/dataset';
import {
  type DataConfig,
  emptyConfusion,
  ignoredLabel,
  lossOfLeaves,
  type Metrics,
  mergeConfusion,
  metricsOf,
  type SideLimits,
  sideLimits,
  UserError,
} from '@unet-fleet/law';
import { type LeafSums, plainLeafSums } from '../shell/leaf-sums.ts';
import { type Failure, Failures } from './failure.ts';
import type { InferenceEngine, OnProgress, TrainedModel } from './types.ts';

export interface EvaluationReport {
  modelName: string;
  /** Of the photos that were scored. */
  numImages: number;
  /** Of these, those left out as in a validation, because the loss of their leaf is not a finite number. */
  numNotFinite: number;
  /** Mean over the pixels that count, weighted by class as in training; null where none does. */
  loss: number | null;
  hasClassWeights: boolean;
  metrics: Metrics;
  classNames: string[];
  /** Row = truth, column = prediction. */
  confusion: Float64Array;
  /** Photos that could not be scored, and so count nowhere. */
  failures: Failure[];
  /** The first failure that should never happen, to be thrown once all is told; null if there was none. */
  bug: unknown;
}

export interface EvaluateOptions {
  /** Where the samples lie, and how they are read; the model's own, unless other folders are evaluated. */
  data: DataConfig;
  /** Images computed together, as in training. */
  leafSize: number;
}

/**
 * Evaluates the samples in their order. The engine must hold the model's weights. A photo that can't be loaded any more,
 * or not be computed, is among the failures, and the others are scored without it. Throws a UserError if there is none
 * left, or a mask holds classes that the model does not know.
 */
export async function evaluateModel(
  model: TrainedModel,
  engine: InferenceEngine,
  samples: readonly Sample[],
  { data, leafSize }: EvaluateOptions,
  onProgress: OnProgress = () => {},
): Promise<EvaluationReport> {
  if (samples.length === 0)
    throw new UserError('There is no photo with a mask to evaluate: check --images and --masks.');
  const { numClasses } = model.model;
  const confusion = emptyConfusion(numClasses);
  const failures = new Failures();
  const fail = (sample: Sample, error: unknown) => failures.add(join(data.images, sample.photo), error);
  const leaves = leavesOfOneSize(samples, data, { leafSize, limits: sideLimits(model.model) }, fail);
  const load = async (leaf: readonly Sample[]) => {
    const loading = leaf.map((sample) =>
      loadSample(data, sample, trainingSizeOf(data, sample)).catch((error: unknown) => {
        fail(sample, error);
        return null;
      }),
    );
    const loaded = await Promise.all(loading);
    const good = leaf.filter((_, i) => loaded[i] !== null);
    return { good, batch: good.length > 0 ? toBatch(loaded.filter((sample) => sample !== null)) : null };
  };
  const sumsOfLeaves: LeafSums[] = [];
  let numNotFinite = 0;
  let numDone = 0;
  for await (const [leaf, { good, batch }] of loadAhead(leaves, load)) {
    numDone += leaf.length;
    onProgress(numDone, samples.length);
    if (batch === null) continue;
    assertKnownClasses(batch.labels, good, numClasses, ignoredLabel(data));
    const ofLeaf = emptyConfusion(numClasses);
    try {
      const sums = plainLeafSums(await engine.evaluateLeaf(batch, ofLeaf));
      if (sums.isFinite) mergeConfusion(confusion, ofLeaf);
      else numNotFinite += good.length;
      sumsOfLeaves.push(sums);
    } catch (error) {
      for (const sample of good) fail(sample, error);
    }
  }
  const { list, bug } = failures;
  const [first] = list;
  if (first && list.length === samples.length) {
    throw bug ?? new UserError(`No photo could be scored; ${first.path}: ${first.reason}`);
  }
  const { lossSum, weightSum } = lossOfLeaves(model.loss, numClasses, sumsOfLeaves);
  return {
    modelName: model.name,
    numImages: samples.length - list.length,
    numNotFinite,
    loss: weightSum > 0 ? lossSum / weightSum : null,
    hasClassWeights: model.classWeights !== null,
    metrics: metricsOf(confusion, numClasses),
    classNames: model.classNames,
    confusion,
    failures: list,
    bug,
  };
}

/** Runs of at most `leafSize` samples whose training size is the same, in order. */
function leavesOfOneSize(
  samples: readonly Sample[],
  data: DataConfig,
  { leafSize, limits }: { leafSize: number; limits: SideLimits },
  fail: (sample: Sample, error: unknown) => void,
): Sample[][] {
  const leaves: Sample[][] = [];
  let previous = '';
  for (const sample of samples) {
    let size: string;
    try {
      const { width, height } = trainingSizeOf(data, sample, limits);
      size = `${width}x${height}`;
    } catch (error) {
      fail(sample, error);
      continue;
    }
    const leaf = leaves.at(-1);
    if (leaf !== undefined && size === previous && leaf.length < leafSize) leaf.push(sample);
    else leaves.push([sample]);
    previous = size;
  }
  return leaves;
}

/** Each item with what was loaded for it; the next one is loaded while the caller is busy with this one. */
export async function* loadAhead<Item, Loaded>(
  items: readonly Item[],
  load: (item: Item) => Promise<Loaded>,
): AsyncGenerator<[Item, Loaded]> {
  const begin = (item: Item | undefined): Promise<Loaded> | null => {
    if (item === undefined) return null;
    const loading = load(item);
    // Reported when its turn comes; until then it must not count as unhandled.
    loading.catch(() => {});
    return loading;
  };
  let next = begin(items[0]);
  for (const [index, item] of items.entries()) {
    const loaded = await next!;
    next = begin(items[index + 1]);
    yield [item, loaded];
  }
}

function assertKnownClasses(
  labels: Int32Array,
  leaf: readonly Sample[],
  numClasses: number,
  ignoreIndex: number,
): void {
  const strange = labels.find((label) => label >= numClasses && label !== ignoreIndex);
  if (strange === undefined) return;
  throw new UserError(
    `The mask of ${leaf.map(({ id }) => id).join(' or ')} holds class ${strange}, but the model knows the classes 0 to ${numClasses - 1}: evaluate it on the data it was trained for.`,
  );
}
