/** What is known of a committed step: who delivered what, what did not count and what was computed twice. */

import type { TreeNode } from '../plan/tree.ts';
import type { Step } from '../plan/version.ts';
import type { Intervention } from './progress.ts';

/** What a leaf adds up to beside its gradient; all 0 where `isFinite` is false. */
export interface LeafSums {
  lossSum: number;
  weightSum: number;
  /** L2 norm of the leaf's gradient sum; 0 in a validation. */
  gradientNorm: number;
  isFinite: boolean;
}

export interface Answer {
  node: TreeNode;
  workerId: string;
  worker: string;
  /** Since the round began. */
  arrivedMs: number;
  leaves: LeafSums[];
}

/** What the core knows about a committed step. Steps and epochs count from 1. */
export interface StepRecord {
  step: Step;
  epoch: number;
  stepInEpoch: number;
  numLeaves: number;
  durationMs: number;
  learningRate: number;
  /** A person changed the rate with this step; absent otherwise. */
  intervention?: Intervention;
  lossSum: number;
  weightSum: number;
  /** Of the mean gradient, before clipping. */
  gradientNorm: number;
  /** The answers that count, in the order of their leaves. */
  answers: Answer[];
  skippedLeaves: number[];
  /** Answers that did not count. */
  rejected: Rejection[];
  /** Leaves that were leased again, and why. */
  repeated: { leaves: number[]; worker: string; reason: string }[];
}

export interface Rejection {
  worker: string;
  reason: keyof Dropped;
  count: number;
}

/** Answers that changed nothing, by reason; for the log and the tests. */
export type Dropped = Record<'stale' | 'duplicate' | 'stranger' | 'malformed' | 'unavailable', number>;
