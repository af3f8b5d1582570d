/**
 * Answers of workers. The first valid answer for a leaf counts, later ones are dropped and counted; an answer counts
 * once its gradient lies with the reducers, and only then.
 */
import { isNodeOf, leavesOf, rateAt, sameNode, type TreeNode } from '@unet-fleet/shared';
import { leaseIsOf, returnNode } from './leases.ts';
import { totalOf } from './round.ts';
import { finishValidation } from './rounds.ts';
import type { CoreEvent, CoreState, Effect, Round } from './types.ts';

type Result = Extract<CoreEvent, { type: 'result' }>;

export function acceptResult(state: CoreState, event: Result, effects: Effect[]): void {
  const { round } = state;
  const member = state.members.find((candidate) => candidate.workerId === event.workerId);
  if (!member) {
    state.dropped.stranger++;
    effects.push({ type: 'dismiss', workerId: event.workerId });
    return;
  }
  member.lastSeenMs = event.now;
  if (!round || !leaseIsOf(round, event) || round.committing) {
    state.dropped.stale++;
    return;
  }
  if (!isWellFormed(state, round, event)) {
    state.dropped.malformed++;
    return;
  }
  if (member.lease) {
    member.lease.seen = true;
    member.lease.nodes = member.lease.nodes.filter((node) => !sameNode(node, event.node));
    if (member.lease.nodes.length === 0) member.lease = null;
  }
  const leaves = leavesOf(event.node, round.leaves.length);
  if (leaves.some((leaf) => round.leaves[leaf] === 'received' || round.leaves[leaf] === 'done')) {
    // A twin has answered for one of these leaves; what it did not cover goes to somebody anew.
    state.dropped.duplicate++;
    if (!isLeasedToAnyone(state, leaves)) {
      for (const leaf of leaves) if (round.leaves[leaf] === 'leased') round.leaves[leaf] = 'pending';
    }
    return;
  }
  leaves.forEach((leaf, index) => {
    round.sums[leaf] = event.sums[index]!;
  });
  if (round.kind === 'train') {
    for (const leaf of leaves) round.leaves[leaf] = 'received';
    const { workerId, step, node } = event;
    effects.push({ type: 'reduce', workerId, step, node, numLeaves: round.leaves.length });
    return;
  }
  for (const leaf of leaves) round.leaves[leaf] = 'done';
  event.confusion!.indices.forEach((cell, index) => {
    round.confusion![cell]! += event.confusion!.counts[index]!;
  });
  countImages(state, round, leaves);
  effects.push({
    type: 'emit',
    event: {
      type: 'validation-progress',
      step: round.step,
      numImagesDone: round.numImagesDone,
      numImages: round.numImages,
    },
  });
  if (round.leaves.every((leaf) => leaf === 'done')) finishValidation(state, effects);
}

function isLeasedToAnyone(state: CoreState, leaves: number[]): boolean {
  return state.members.some((member) =>
    member.lease?.nodes.some((node) =>
      leavesOf(node, state.round!.leaves.length).some((leaf) => leaves.includes(leaf)),
    ),
  );
}

function isWellFormed(state: CoreState, round: Round, event: Result): boolean {
  if (!isNodeOf(event.node, round.leaves.length)) return false;
  if (event.sums.length !== leavesOf(event.node, round.leaves.length).length) return false;
  if (round.kind === 'train') return true;
  const numCells = state.config.numClasses ** 2;
  return (
    event.node.level === 0 &&
    event.confusion !== null &&
    event.confusion.indices.length === event.confusion.counts.length &&
    event.confusion.indices.every((cell) => cell < numCells)
  );
}

function countImages(state: CoreState, round: Round, leaves: number[]): void {
  const { leafSize } = state.config.plan;
  for (const leaf of leaves) {
    round.numImagesDone += Math.min(leafSize, round.numImages - leaf * leafSize);
  }
}

/** A node's gradient lies with every reducer. When that was the last, the step can be committed. */
export function nodeReduced(
  state: CoreState,
  event: { step: number; node: TreeNode },
  effects: Effect[],
): void {
  const { round } = state;
  if (round?.kind !== 'train' || round.step !== event.step || round.committing) return;
  const leaves = leavesOf(event.node, round.leaves.length);
  for (const leaf of leaves) round.leaves[leaf] = 'done';
  countImages(state, round, leaves);
  if (round.leaves.every((leaf) => leaf === 'done')) commit(state, round, effects);
}

function commit(state: CoreState, round: Round, effects: Effect[]): void {
  round.committing = true;
  const { lossSum, weightSum } = totalOf(round);
  if (!Number.isFinite(lossSum)) {
    const leaf = round.sums.findIndex((sums) => !Number.isFinite(sums!.lossSum));
    state.over = true;
    effects.push({
      type: 'fail',
      message:
        `the loss of leaf ${leaf} in step ${round.step + 1} is not a finite number: ` +
        'lower --learning-rate or clip harder, then continue from an earlier checkpoint with --resume',
    });
    return;
  }
  effects.push({
    type: 'commit',
    step: round.step,
    numLeaves: round.leaves.length,
    weightSum,
    learningRate: rateAt(state.progress.schedule, round.step),
  });
}

/** The gradient of an answer could not be fetched whole: its leaves go to somebody again. */
export function loseNode(state: CoreState, event: { step: number; node: TreeNode }): void {
  const { round } = state;
  if (round?.kind !== 'train' || round.step !== event.step || round.committing) return;
  returnNode(round, event.node);
}
