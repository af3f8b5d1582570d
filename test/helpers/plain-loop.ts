/**
 * The training that a fleet must amount to, as one loop in one process: no leases, reducers, buckets, versions or
 * messages. Written from the definition of a step, so that a fault which every number of workers has is found too.
 */

import {
  datasetFrom,
  loadSample,
  samplesOf,
  scanDataset,
  splitSamples,
  toBatch,
  trainingSizeOf,
} from '@unet-fleet/dataset';
import {
  describeModel,
  epochOrder,
  ignoredLabel,
  initialParameters,
  initialStatistics,
  totalsOf,
  wireFormats,
} from '@unet-fleet/law';
import { createOptimizer, NumericMemory, updateRunningStatistics } from '@unet-fleet/numerics';
import { openRunFolder } from '@unet-fleet/record';
import { ComputeThread } from '@unet-fleet/worker';
import { plainlyRounded } from './plain-formats.ts';

export interface TrainedWeights {
  parameters: Float32Array;
  statistics: Float32Array;
}

interface LeafResult {
  gradients: Float32Array;
  statistics: Float32Array;
  weightSum: number;
}

/** Trains as the run of this folder was told to, at a constant learning rate. */
export async function trainPlainly(runDir: string): Promise<TrainedWeights> {
  const { config, record } = openRunFolder(runDir);
  const { data, train } = config;
  const model = describeModel(record.model);
  const dataset = datasetFrom(await scanDataset(data), data);
  const ids = dataset.samples.map(({ id }) => id);
  const samples = samplesOf(dataset, splitSamples(ids, data.validationShare, train.seed).training);
  const numTrainSamples = samples.length;

  const memory = new NumericMemory({ shared: true });
  const vector = () => memory.allocate(model.numParameters);
  const optimizer = createOptimizer(train);
  const [parameters, gradients, slots] = [vector(), vector(), optimizer.slots.map(vector)];
  parameters.view.set(initialParameters(model, train.seed));
  const statistics = shared(initialStatistics(model));
  const engine = await ComputeThread.start({
    model: record.model,
    device: config.engine.device,
    intraOpThreads: record.engineThreads,
    precision: config.engine.precision,
    ignoreIndex: ignoredLabel(data),
    classWeights: null,
    loss: train.loss,
  });

  const formats = wireFormats[train.wire];
  const rounded = (values: Float32Array) => Float32Array.from(plainlyRounded(values, formats.gradients));
  let updateIndex = 0;
  const load = async (indices: number[], leaf: number) => {
    const chosen = indices.map((index) => samples[index]!);
    const loaded = chosen.map((sample) => loadSample(data, sample, trainingSizeOf(data, sample)));
    const place = { seed: train.seed, version: updateIndex, firstImage: leaf * train.leafSize };
    return { ...toBatch(await Promise.all(loaded)), place };
  };
  /** What a loss of two passes has to know of the whole batch. */
  const totalsOfBatch = async (leaves: number[][]): Promise<number[] | undefined> => {
    if (totalsOf(train.loss) === null) return undefined;
    let totals: number[] | undefined;
    for (const [i, leaf] of leaves.entries()) {
      const addends = await engine.addendsOfLeaf(await load(leaf, i));
      totals = totals ? totals.map((total, i) => total + addends[i]!) : addends;
    }
    return totals;
  };
  const computeLeaf = async (
    indices: number[],
    leaf: number,
    totals: number[] | undefined,
  ): Promise<LeafResult> => {
    const [leafGradients, leafStatistics] = [
      new Float32Array(model.numParameters),
      new Float32Array(statistics.length),
    ].map(shared) as [Float32Array, Float32Array];
    const batch = await load(indices, leaf);
    const { weightSum } = await engine.trainLeaf(batch, leafGradients, leafStatistics, null, totals);
    return { gradients: rounded(leafGradients), statistics: leafStatistics, weightSum };
  };

  for (let epoch = 0; epoch < train.epochs; epoch++) {
    const plan = { ...train, numTrainSamples, numValidationSamples: ids.length - numTrainSamples };
    const order = Array.from(epochOrder(plan, epoch));
    for (const batch of cut(order, train.batchSize)) {
      const held = Float32Array.from(plainlyRounded(parameters.view, formats.weights));
      await engine.setWeights(shared(held), statistics);
      const cuts = cut(batch, train.leafSize);
      const totals = await totalsOfBatch(cuts);
      const leaves: LeafResult[] = [];
      for (const [i, leaf] of cuts.entries()) leaves.push(await computeLeaf(leaf, i, totals));
      gradients.view.set(
        sumOverTree(
          leaves.map((leaf) => leaf.gradients),
          rounded,
        ),
      );
      const weightSum = leaves.reduce((sum, leaf) => sum + leaf.weightSum, 0);
      const { learningRate } = train;
      updateIndex++;
      optimizer.apply(
        { parameters, gradients, slots },
        { scale: 1 / weightSum, normCoefficient: 1, learningRate, updateIndex },
      );
      for (const leaf of leaves) updateRunningStatistics(statistics, leaf.statistics);
    }
  }
  await engine.close();
  return { parameters: parameters.view, statistics };
}

/** In pieces of `size`; the last may be smaller. */
const cut = <T>(items: T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));

/**
 * Neighbours are added, left + right in float32 and then rounded, until one vector is left; one without a neighbour goes up
 * as it is. The vectors are of one bucket.
 */
function sumOverTree(vectors: Float32Array[], rounded: (sum: Float32Array) => Float32Array): Float32Array {
  if (vectors.length === 1) return vectors[0]!;
  const sums = cut(vectors, 2).map(([left, right]) =>
    right ? rounded(left!.map((value, i) => value + right[i]!)) : left!,
  );
  return sumOverTree(sums, rounded);
}

/** A copy that another thread can read and write. */
function shared(values: Float32Array): Float32Array {
  const copy = new Float32Array(new SharedArrayBuffer(values.byteLength));
  copy.set(values);
  return copy;
}
