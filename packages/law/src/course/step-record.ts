/** What is known of a committed step: who delivered what, what did not count and what was computed twice. */

import type { TreeNode } from '../plan/tree.ts';
import type { Step } from '../plan/version.ts';
import type { Intervention } from './progress.ts';

/** What a leaf adds up to beside its gradient; all 0 where `isFinite` is false. */
export interface LeafSums {
  lossSum: number;
  weightSum: number;
  /** L2 norm of the leaf's gradient sum; 0 where there is none. */
  gradientNorm: number;
  isFinite: boolean;
  /** Not finite in bf16, and so computed again in float32, of which all else here is told; absent otherwise. */
  isRetried?: boolean;
  /**
   * Its part of the totals of a loss that has them, in a round without gradients: then loss and weight are 0, as they come of
   * the totals. Absent where it is not finite.
   */
  addends?: number[];
}

/** What the first pass over a step's leaves has come to: each leaf's gradient is computed with it. */
export interface FirstPass {
  /** Of the leaves that count, added in leaf order. */
  totals: number[];
  /** Leaves whose part was not finite: they are left out of the gradients as well. */
  skippedLeaves: number[];
}

export interface Answer {
  node: TreeNode;
  workerId: string;
  worker: string;
  /** Since the round began, or the step that it is of. */
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
  /** Of a loss of two passes; absent otherwise. */
  firstPass?: FirstPass & { answers: Answer[] };
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
