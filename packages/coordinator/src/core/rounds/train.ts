/** The gradients of a step, and its commit: what makes one version of the weights of the one before. */
import {
  type Answer,
  firstLeaf,
  type LeafSums,
  leavesOf,
  lossSums,
  outliersOf,
  planWith,
  rateAt,
  type StepRecord,
  skippedOf,
  stepOn,
  stepPlan,
  stepTo,
  type Version,
} from '@unet-fleet/law';
import { isValidated } from '../cadence.ts';
import { checkpoint, end } from '../ending.ts';
import { interventionNow, progressNow, stopsHere } from '../steering.ts';
import type { CoreState, Effect, Round } from '../types.ts';
import { beginStep, type CoreRound } from './round.ts';

export const trainRound: CoreRound = {
  isDue: () => true,
  begun: beginStep,
  isWellFormed: (_state, { leaves, firstPass }, answer) => {
    const own = leavesOf(answer.node, leaves.length);
    return answer.leaves.every(
      (sums, i) =>
        sums.addends === undefined && !(sums.isFinite && firstPass?.skippedLeaves.includes(own[i]!)),
    );
  },
  complete(state, round, _now, effects) {
    const leaves = round.sums as LeafSums[];
    round.committing = true;
    effects.push({
      type: 'commit',
      version: round.version,
      numLeaves: leaves.length,
      weightSum: lossSums(leaves).weightSum,
      learningRate: rateAt(progressNow(state).schedule, round.version),
      skippedLeaves: skippedOf(leaves),
    });
  },
};

/** The reducers have applied the step: weights version s has become s + 1. */
export function afterCommit(
  state: CoreState,
  event: { now: number; version: Version; gradientNorm: number },
  effects: Effect[],
): void {
  const round = state.round;
  if (!round?.committing || round.version !== event.version) {
    throw new Error(`the step on version ${event.version} was committed but round ${round?.version} is on`);
  }
  const { config, progress } = state;
  const step = stepPlan(config.plan, round.version);
  const { lossSum, weightSum } = lossSums(round.sums as LeafSums[]);
  settleRate(state);
  effects.push({ type: 'record', record: recordOf(state, round, event) });
  tellOutliers(state, round, effects);
  state.rejected = [];
  state.round = null;
  progress.version++;
  const plan = planWith(config.plan, progress.interventions);
  progress.validationPending = isValidated({ ...config, plan }, progress.version);
  effects.push({
    type: 'emit',
    event: {
      type: 'step',
      epoch: step.epoch + 1,
      stepInEpoch: step.stepInEpoch + 1,
      step: stepTo(progress.version),
      loss: weightSum > 0 ? lossSum / weightSum : null,
      learningRate: rateAt(progress.schedule, round.version),
      numImages: step.numImages,
      gradientNorm: event.gradientNorm,
      stepMs: event.now - round.startedAtMs,
      numWorkers: state.members.length,
    },
  });
  if (stopsHere(state)) end(state, 'stopped', event.now, effects);
  // What is validated next gets its checkpoint with the score.
  else if (state.checkpointWanted || (!progress.validationPending && isCheckpointDue(state, event.now))) {
    checkpoint(state, event.now, false, effects);
  }
}

/** The step's rate is one of the run's course from now on, and so of every checkpoint that comes. */
function settleRate(state: CoreState): void {
  Object.assign(state.progress, progressNow(state));
}

/** Only ever a warning: no weight depends on it. */
function tellOutliers(state: CoreState, round: Round, effects: Effect[]): void {
  const sums = round.sums as LeafSums[];
  const { history, outliers } = outliersOf(state.norms, sums);
  state.norms = history;
  for (const { leaf, norm, median } of outliers) {
    const worker = round.answers.find(({ node }) => leavesOf(node, sums.length).includes(leaf))!.worker;
    effects.push({
      type: 'emit',
      event: { type: 'gradient-outlier', step: stepOn(round.version), leaf, worker, norm, median },
    });
  }
}

function isCheckpointDue({ config, progress, lastCheckpointMs }: CoreState, now: number): boolean {
  const { checkpointEvery, checkpointMs } = config;
  return (
    (checkpointEvery > 0 && progress.version % checkpointEvery === 0) ||
    (checkpointMs > 0 && now - lastCheckpointMs >= checkpointMs)
  );
}

/** What the ledger says about the step of this round. */
function recordOf(
  state: CoreState,
  round: Round,
  { now, gradientNorm }: { now: number; gradientNorm: number },
): StepRecord {
  const { config, progress, rejected } = state;
  const { firstPass } = round;
  const step = stepPlan(config.plan, round.version);
  const intervention = interventionNow(state);
  const leaves = round.sums as LeafSums[];
  return {
    step: stepOn(round.version),
    epoch: step.epoch + 1,
    stepInEpoch: step.stepInEpoch + 1,
    numLeaves: round.leaves.length,
    durationMs: now - round.startedAtMs,
    learningRate: rateAt(progress.schedule, round.version),
    ...(intervention && { intervention }),
    ...lossSums(leaves),
    gradientNorm,
    ...(firstPass && { firstPass: { ...firstPass, answers: inLeafOrder(firstPass.answers) } }),
    answers: inLeafOrder(round.answers),
    skippedLeaves: skippedOf(leaves),
    rejected,
    repeated: round.repeated,
  };
}

const inLeafOrder = (answers: readonly Answer[]): Answer[] =>
  answers.toSorted((a, b) => firstLeaf(a.node) - firstLeaf(b.node));
