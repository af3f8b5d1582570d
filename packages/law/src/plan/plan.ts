/**
 * The plan: which samples each leaf of each step holds. A pure function of the run's identity, so that coordinator
 * and workers agree on it without a message, and resuming needs nothing but the number of steps done. A step is named by
 * the version of the weights that it begins with.
 */
import { permutation } from '../rng.ts';
import type { Version } from './version.ts';

export interface PlanConfig {
  numTrainSamples: number;
  numValidationSamples: number;
  /** Images per step (the global batch); the last step of an epoch may have fewer. */
  batchSize: number;
  leafSize: number;
  epochs: number;
  seed: number;
}

export interface StepPlan {
  /** Of the weights that the step begins with. */
  version: Version;
  /** From 0. */
  epoch: number;
  stepInEpoch: number;
  numImages: number;
  numLeaves: number;
}

export const stepsPerEpoch = (plan: PlanConfig): number => Math.ceil(plan.numTrainSamples / plan.batchSize);

export const numSteps = (plan: PlanConfig): number => plan.epochs * stepsPerEpoch(plan);

/** Most leaves that a step of this plan has; more workers than this leave some idle. */
export const maxLeaves = (plan: PlanConfig): number =>
  Math.ceil(Math.min(plan.batchSize, plan.numTrainSamples) / plan.leafSize);

export function stepPlan(plan: PlanConfig, version: Version): StepPlan {
  const perEpoch = stepsPerEpoch(plan);
  const stepInEpoch = version % perEpoch;
  const numImages = Math.min(plan.batchSize, plan.numTrainSamples - stepInEpoch * plan.batchSize);
  return {
    version,
    epoch: Math.floor(version / perEpoch),
    stepInEpoch,
    numImages,
    numLeaves: Math.ceil(numImages / plan.leafSize),
  };
}

/** Order in which the epoch visits the training samples: a permutation of their indices. */
export const epochOrder = (plan: PlanConfig, epoch: number): Uint32Array =>
  permutation(plan.numTrainSamples, plan.seed, 'epoch', epoch);

/** Indices into the training samples of one leaf of a step. `order` is the epoch's order. */
export function trainLeafSamples(
  plan: PlanConfig,
  order: Uint32Array,
  step: StepPlan,
  leaf: number,
): number[] {
  const first = step.stepInEpoch * plan.batchSize + leaf * plan.leafSize;
  const end = Math.min(first + plan.leafSize, step.stepInEpoch * plan.batchSize + step.numImages);
  return Array.from(order.subarray(first, end));
}

/** Where the images of a training leaf stand in the plan: what is drawn for one is a function of it. */
export interface PlanPlace {
  seed: number;
  version: Version;
  /** Index of the leaf's first image in the step's batch. */
  firstImage: number;
}

export const placeOf = ({ seed, leafSize }: PlanConfig, version: Version, leaf: number): PlanPlace => ({
  seed,
  version,
  firstImage: leaf * leafSize,
});

export const numValidationLeaves = (plan: PlanConfig): number =>
  Math.ceil(plan.numValidationSamples / plan.leafSize);

/** Indices into the validation samples of one validation leaf. */
export function validationLeafSamples(plan: PlanConfig, leaf: number): number[] {
  const indices = [];
  const end = Math.min((leaf + 1) * plan.leafSize, plan.numValidationSamples);
  for (let index = leaf * plan.leafSize; index < end; index++) indices.push(index);
  return indices;
}
