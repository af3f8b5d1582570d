/**
 * A recomputed step beside its line in the ledger: which answers differ, whose they are, and in which leaves. Pure.
 */

import { leavesOf, nodeKey, type TreeNode } from '@unet-fleet/law';
import { type LedgerAnswer, type LedgerLine, samplesSha256 } from '@unet-fleet/record';
import type { LeafSums } from '@unet-fleet/worker/shell/leaf-sums';
import type { Recomputed } from './trainer.ts';

export interface LeafDifference {
  leaf: number;
  samples: string[];
  /** Null when the ledger has none. */
  inLedger: LeafSums | null;
  recomputed: LeafSums;
}

/** An answer that is not what its leaves come to. */
export interface AnswerDifference {
  node: TreeNode;
  worker: string;
  workerId: string;
  /** Workers whose values are in this answer besides. */
  alsoFrom: string[];
  leaves: number[];
  /** The leaves whose sums or norms differ; none when the gradient does though its norms do not. */
  differing: LeafDifference[];
}

export interface FirstPassDifference {
  /** Whose part of the totals is not what its leaf comes to; nobody's where they were added wrongly. */
  answers: { leaf: number; samples: string[]; worker: string; workerId: string }[];
}

export interface StepComparison {
  step: number;
  isSame: boolean;
  numAnswers: number;
  workers: string[];
  gradientSha256: { inLedger: string; recomputed: string };
  /** The leaves held other samples than the plan gives them. */
  hasOtherSamples: boolean;
  /**
   * What differs in the first pass of a loss that has two; null where nothing does. Then every gradient was computed with
   * other totals, and nothing is said of them.
   */
  firstPass: FirstPassDifference | null;
  answers: AnswerDifference[];
  /**
   * The gradient differs though no answer does: workers whose answers came in parts and so have no hash, or nobody,
   * which leaves the coordinator's own machine.
   */
  unexplained: { suspects: string[] } | null;
}

/** `samples`: ids of each leaf's samples, as the plan gives them. */
export function compareStep(line: LedgerLine, recomputed: Recomputed, samples: string[][]): StepComparison {
  const firstPass = firstPassDifference(line, recomputed, samples);
  const answers = firstPass
    ? []
    : line.answers.flatMap((answer) => differenceOf(answer, recomputed, samples) ?? []);
  const hasOtherSamples = line.samplesSha256 !== samplesSha256(samples);
  const hasOtherGradient = line.gradientSha256 !== recomputed.gradientSha256;
  return {
    step: line.step,
    isSame: answers.length === 0 && !hasOtherSamples && !hasOtherGradient && !firstPass,
    numAnswers: line.answers.length,
    workers: [...new Set(line.answers.map(({ worker }) => worker))],
    gradientSha256: { inLedger: line.gradientSha256, recomputed: recomputed.gradientSha256 },
    hasOtherSamples,
    firstPass,
    answers,
    unexplained:
      hasOtherGradient && answers.length === 0 && !firstPass ? { suspects: suspectsOf(line) } : null,
  };
}

/** A ledger without a first pass, of a loss that has one, differs too. */
function firstPassDifference(
  { firstPass: inLedger }: LedgerLine,
  { firstPass: here }: Recomputed,
  samples: string[][],
): FirstPassDifference | null {
  const answers = (inLedger?.answers ?? []).filter(
    ({ leaf, sha256 }) => sha256 !== (here?.addendsSha256[leaf] ?? null),
  );
  if (answers.length === 0 && inLedger?.totalsSha256 === here?.totalsSha256) return null;
  return {
    answers: answers.map(({ leaf, worker, workerId }) => ({
      ...{ leaf, worker, workerId },
      samples: samples[leaf] ?? [],
    })),
  };
}

function differenceOf(
  answer: LedgerAnswer,
  recomputed: Recomputed,
  samples: string[][],
): AnswerDifference | null {
  const { node, worker, workerId, alsoFrom, sha256 } = answer;
  const here = recomputed.answers.get(nodeKey(node));
  // An answer for a node that the step does not have: nothing here compares with it.
  if (!here) return { node, worker, workerId, alsoFrom, leaves: [], differing: [] };
  const leaves = leavesOf(node, samples.length);
  const differing = leaves.flatMap((leaf, i) => {
    const inLedger = answer.leaves[i] ?? null;
    const sums = here.leaves[i]!;
    if (inLedger && sameSums(inLedger, sums)) return [];
    return [{ leaf, samples: samples[leaf]!, inLedger, recomputed: sums }];
  });
  const hasOtherHash = sha256 !== null && sha256 !== here.sha256;
  if (differing.length === 0 && !hasOtherHash) return null;
  return { node, worker, workerId, alsoFrom, leaves, differing };
}

const sameSums = (a: LeafSums, b: LeafSums): boolean =>
  a.lossSum === b.lossSum &&
  a.weightSum === b.weightSum &&
  a.gradientNorm === b.gradientNorm &&
  a.isFinite === b.isFinite;

const suspectsOf = ({ answers, parts }: LedgerLine): string[] => [
  ...new Set([
    ...answers.flatMap(({ sha256, worker, alsoFrom }) => (sha256 === null ? [worker, ...alsoFrom] : [])),
    ...parts.flatMap(({ from }) => from),
  ]),
];
