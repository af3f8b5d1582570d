/**
 * The kinds of rounds: in each, a set of leaves is computed with one version of the weights. Which leaves those are, and
 * whether their gradients are added up, is an entry's; what opens a round and what follows when it is complete is the
 * coordinator's (core/rounds), and what a worker computes for it the worker's (shell/rounds).
 */
import {
  epochOrder,
  numValidationLeaves,
  type PlanConfig,
  stepPlan,
  trainLeafSamples,
  validationLeafSamples,
} from './plan.ts';
import { stepOn, stepTo, type Version } from './version.ts';

export interface RoundRule {
  /** A part of the step that begins with the version: one that has begun is finished, whatever is asked of the run. */
  isOfStep: boolean;
  /** Gradients of its leaves are added over the tree; else the message with a leaf's answer holds all of it. */
  addsGradients: boolean;
  leavesOf(plan: PlanConfig, version: Version): { numLeaves: number; numImages: number };
  /** Of a leaf, as indices into `part`. */
  samplesOf(plan: PlanConfig, version: Version, leaf: number): number[];
  /** Of the split. */
  part: 'train' | 'validation';
  /** What a round on the version works for, for people. */
  nameOf(version: Version): string;
}

const ofStep = {
  isOfStep: true,
  leavesOf: stepPlan,
  samplesOf(plan, version, leaf) {
    const step = stepPlan(plan, version);
    return trainLeafSamples(plan, epochOrder(plan, step.epoch), step, leaf);
  },
  part: 'train',
  nameOf: (version) => `step ${stepOn(version)}`,
} as const satisfies Omit<RoundRule, 'addsGradients'>;

/** In the order in which a version has them. */
export const rounds = {
  /** The validation set, for the scores of the version. */
  validation: {
    isOfStep: false,
    addsGradients: false,
    leavesOf: (plan) => ({ numLeaves: numValidationLeaves(plan), numImages: plan.numValidationSamples }),
    samplesOf: (plan, _version, leaf) => validationLeafSamples(plan, leaf),
    part: 'validation',
    nameOf: (version) => `the validation of step ${stepTo(version)}`,
  },
  /** The first pass of a loss that needs sums over the batch before any gradient (losses/loss.ts). */
  sums: { ...ofStep, addsGradients: false },
  /** The gradients of a step. */
  train: { ...ofStep, addsGradients: true },
} as const satisfies Record<string, RoundRule>;

export type RoundKind = keyof typeof rounds;

export const roundKinds = Object.keys(rounds) as RoundKind[];

/** Rises from each round of a run to the next. */
export const roundOrder = ({ kind, version }: { kind: RoundKind; version: Version }): number =>
  roundKinds.length * version + roundKinds.indexOf(kind);
