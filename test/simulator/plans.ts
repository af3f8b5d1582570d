/**
 * The trainings that the simulator runs: a few dozen small plans, so that each one's reference is computed once and a
 * hundred thousand schedules are held against it.
 */

import { loadConfig } from '@unet-fleet/config/load';
import { type Bucket, type PlanConfig, type TrainConfig, wireNames } from '@unet-fleet/law';
import { Random } from './random.ts';
import { numParameters } from './toy.ts';

export interface ToyPlan {
  plan: PlanConfig;
  train: TrainConfig;
  checkpointEvery: number;
  /** Of one to three values each. */
  buckets: Bucket[];
  /** Leaves whose gradient is not finite, as step * 64 + leaf. */
  nonFinite: ReadonlySet<number>;
}

export const isFiniteLeaf = (toy: ToyPlan, step: number, leaf: number): boolean =>
  !toy.nonFinite.has(step * 64 + leaf);

/** A leaf that is not finite is so from the first pass on, where the loss has one, or in the second alone. */
export const isFiniteSum = (toy: ToyPlan, step: number, leaf: number): boolean =>
  isFiniteLeaf(toy, step, leaf) || leaf % 2 === 1;

export const numPlans = 48;

const defaults = loadConfig({}).train;

export function toyPlan(index: number): ToyPlan {
  const random = new Random(index, 1);
  const leafSize = random.whole(1, 2);
  const numLeaves = random.whole(1, 8);
  const batchSize = leafSize * numLeaves;
  const epochs = random.whole(1, 2);
  const numTrainSamples = random.whole(Math.ceil(batchSize / 2), batchSize * 3);
  const plan: PlanConfig = {
    numTrainSamples,
    numValidationSamples: random.whole(1, 5),
    batchSize,
    leafSize,
    epochs,
    seed: index,
  };
  const train: TrainConfig = {
    ...defaults,
    epochs,
    batchSize,
    leafSize,
    optimizer: random.pick(['rmsprop', 'sgd', 'adam'] as const),
    momentum: random.pick([0, 0.9]),
    learningRate: 0.01,
    schedule: random.pick(['plateau', 'constant', 'cosine'] as const),
    plateauPatience: 0,
    warmupSteps: 0,
    clip: random.pick(['norm', 'value', 'none'] as const),
    clipLimit: 1,
    earlyStopping: random.pick([0, 0, 2]),
    validateEvery: random.pick([0, 0, 2]),
    onNonFinite: 'skip',
    // Of its own, so that all else of a plan is what it was without.
    loss: new Random(index, 8).chance(0.4) ? 'batch-dice' : 'cross-entropy',
    wire: new Random(index, 9).pick(wireNames),
  };
  const nonFinite = new Set<number>();
  if (random.chance(0.3)) {
    for (let i = 0; i < 2; i++) nonFinite.add(random.whole(0, 3) * 64 + random.whole(0, numLeaves - 1));
  }
  const checkpointEvery = random.whole(0, 2);
  const buckets = bucketsFrom(random);
  if (random.chance(0.3)) train.onNonFinite = 'stop';
  return { plan, train, checkpointEvery, buckets, nonFinite };
}

function bucketsFrom(random: Random): Bucket[] {
  const buckets: Bucket[] = [];
  for (let offset = 0; offset < numParameters; ) {
    const length = Math.min(random.whole(1, 3), numParameters - offset);
    buckets.push({ id: buckets.length, offset, length });
    offset += length;
  }
  return buckets;
}
