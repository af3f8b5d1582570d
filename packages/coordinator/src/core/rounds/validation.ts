/**
 * The validation of a version: exact counts of classes, added as they come, and the loss over the leaves in their order. The
 * schedule sees the loss, and a checkpoint keeps the version.
 */
import {
  afterValidation,
  earlyStoppingAfterValidation,
  type LeafSums,
  lossOfLeaves,
  metricsOf,
  rateAt,
  recordedOf,
  type Score,
  skippedOf,
  stepPlan,
  stepTo,
  versionBefore,
} from '@unet-fleet/law';
import { checkpoint, end, ownEnd } from '../ending.ts';
import { stopsHere } from '../steering.ts';
import type { CoreState, Effect, Round } from '../types.ts';
import type { CoreRound } from './round.ts';
import { hasAddends } from './sums.ts';

export const validationRound: CoreRound = {
  isDue: ({ progress }) => progress.validationPending,
  begun({ config }, round, effects) {
    round.confusion = new Float64Array(config.numClasses ** 2);
    const { version, numImages } = round;
    effects.push({ type: 'emit', event: { type: 'validation-started', step: stepTo(version), numImages } });
  },
  isWellFormed(state, _round, answer) {
    const { confusion } = answer;
    const numCells = state.config.numClasses ** 2;
    return (
      hasAddends(state, answer) &&
      confusion !== null &&
      confusion.indices.length === confusion.counts.length &&
      confusion.indices.every((cell) => cell < numCells)
    );
  },
  counted(round, answer, effects) {
    const { version, numImages, numImagesDone } = round;
    const { node, pictures = [] } = answer;
    const confusion = answer.confusion!;
    confusion.indices.forEach((cell, index) => {
      round.confusion![cell]! += confusion.counts[index]!;
    });
    effects.push({ type: 'counted', answer: { version, node, confusion, pictures } });
    effects.push({
      type: 'emit',
      event: { type: 'validation-progress', step: stepTo(version), numImagesDone, numImages },
    });
  },
  complete,
};

/**
 * Where nothing counted there is no score: the version is never the best, and schedule and early stopping see nothing.
 */
function complete(state: CoreState, round: Round, now: number, effects: Effect[]): void {
  const { config, progress } = state;
  const metrics = metricsOf(round.confusion!, config.numClasses);
  const score = scoreOf(state, round, metrics.meanIou);
  const epoch = stepPlan(config.plan, versionBefore(stepTo(round.version))).epoch + 1;
  const isBest = score !== null && isBetter(score, progress.best);
  state.round = null;
  progress.validationPending = false;
  if (score) {
    progress.schedule = afterValidation(progress.schedule, score.loss);
    progress.earlyStopping = earlyStoppingAfterValidation(progress.earlyStopping, score.loss);
    if (isBest) progress.best = score;
  }
  effects.push({
    type: 'emit',
    event: {
      type: 'validated',
      epoch,
      step: stepTo(round.version),
      loss: score?.loss ?? null,
      pixelAccuracy: metrics.pixelAccuracy,
      ...recordedOf(metrics),
      learningRate: rateAt(progress.schedule, round.version),
      isBest,
    },
  });
  if (!score) warnOfNoScore(round, effects);
  const reason = ownEnd(state) ?? (stopsHere(state) ? 'stopped' : null);
  if (reason) end(state, reason, now, effects, isBest);
  else checkpoint(state, now, isBest, effects);
}

function scoreOf({ config }: CoreState, round: Round, meanIou: number | null): Score | null {
  const leaves = round.sums as LeafSums[];
  const { lossSum, weightSum } = lossOfLeaves(config.loss, config.numClasses, leaves);
  const loss = lossSum / weightSum;
  // Classes may have weight 0: then pixels count in the metrics, and there is no loss.
  if (!(weightSum > 0) || !Number.isFinite(loss) || meanIou === null) return null;
  const numSkippedLeaves = skippedOf(leaves).length;
  return { step: stepTo(round.version), loss, meanIou, ...(numSkippedLeaves > 0 && { numSkippedLeaves }) };
}

/** Losses of the same photos compare; a model that fails on fewer of them is better, whatever it gives for the others. */
function isBetter(score: Score, best: Score | null): boolean {
  if (!best) return true;
  const numMore = (score.numSkippedLeaves ?? 0) - (best.numSkippedLeaves ?? 0);
  return numMore === 0 ? score.loss < best.loss : numMore < 0;
}

function warnOfNoScore(round: Round, effects: Effect[]): void {
  const numSkipped = skippedOf(round.sums as LeafSums[]).length;
  const why =
    numSkipped === 0
      ? 'each of its pixels is ignored or has weight 0: look at the masks of the validation photos, --ignore-index and --class-weights'
      : numSkipped === round.leaves.length
        ? 'the loss of each of its leaves is not a finite number: the weights have most likely diverged, so start a run with a lower --learning-rate'
        : 'the loss of some leaves is not a finite number, and nothing counts in the others: start a run with a lower --learning-rate';
  effects.push({
    type: 'emit',
    event: {
      type: 'warning',
      message: `the validation of step ${stepTo(round.version)} has no score and is never the best, because ${why}`,
    },
  });
}
