/**
 * The course of a run: train round, commit, perhaps a validation round, perhaps a checkpoint, and on.
 */
import {
  afterValidation,
  earlyStoppingAfterValidation,
  firstLeaf,
  type LeafSums,
  leavesOf,
  metricsOf,
  numSteps,
  numValidationLeaves,
  outliersOf,
  planWith,
  rateAt,
  recordedOf,
  type Score,
  type StepRecord,
  shouldStopEarly,
  stepOn,
  stepPlan,
  stepsPerEpoch,
  stepTo,
  type Version,
  versionBefore,
} from '@unet-fleet/law';
import { isValidated } from './cadence.ts';
import { endOldLeases, numActive } from './leases.ts';
import { newRound, skippedLeavesOf, totalOf } from './round.ts';
import { interventionNow, progressNow, stopsHere } from './steering.ts';
import type { CoreState, Effect, Round } from './types.ts';

/** Starts the next round when none is on and the run is neither paused nor ending. */
export function startRound(state: CoreState, now: number, effects: Effect[]): void {
  if (state.round) return;
  if (!state.pause && !state.ending) openRound(state, now, effects);
  endOldLeases(state, now);
}

function openRound(state: CoreState, now: number, effects: Effect[]): void {
  const { plan } = state.config;
  const { version, validationPending } = state.progress;
  if (validationPending) {
    const { numValidationSamples } = plan;
    state.round = newRound('validation', version, now, numValidationLeaves(plan), numValidationSamples);
    state.round.confusion = new Float64Array(state.config.numClasses ** 2);
    effects.push({
      type: 'emit',
      event: { type: 'validation-started', step: stepTo(version), numImages: numValidationSamples },
    });
    return;
  }
  const reason = ownEnd(state);
  if (reason) {
    end(state, reason, now, effects);
    return;
  }
  const step = stepPlan(plan, version);
  state.round = newRound('train', version, now, step.numLeaves, step.numImages);
  if (step.epoch !== state.epochSaid) {
    state.epochSaid = step.epoch;
    const numStepsOfEpoch = stepsPerEpoch(plan);
    effects.push({
      type: 'emit',
      event: {
        type: 'epoch-started',
        epoch: step.epoch + 1,
        numEpochs: planWith(plan, state.interventions).epochs,
        numSteps: numStepsOfEpoch,
        firstStep: step.stepInEpoch + 1,
      },
    });
  }
}

/**
 * What the run has ended with by its own rules; null while it goes on. It follows from its progress alone, so a run that
 * has ended stays so, whoever starts it again and whatever else was asked of it.
 */
function ownEnd(state: CoreState): 'completed' | 'early-stopping' | null {
  if (state.progress.validationPending) return null;
  const { version, earlyStopping, interventions } = progressNow(state);
  if (version >= numSteps(planWith(state.config.plan, interventions))) return 'completed';
  return shouldStopEarly(earlyStopping) ? 'early-stopping' : null;
}

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
  const { lossSum, weightSum } = totalOf(round);
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
  const step = stepPlan(config.plan, round.version);
  const intervention = interventionNow(state);
  return {
    step: stepOn(round.version),
    epoch: step.epoch + 1,
    stepInEpoch: step.stepInEpoch + 1,
    numLeaves: round.leaves.length,
    durationMs: now - round.startedAtMs,
    learningRate: rateAt(progress.schedule, round.version),
    ...(intervention && { intervention }),
    ...totalOf(round),
    gradientNorm,
    answers: [...round.answers].sort((a, b) => firstLeaf(a.node) - firstLeaf(b.node)),
    skippedLeaves: skippedLeavesOf(round),
    rejected,
    repeated: round.repeated,
  };
}

/**
 * All validation leaves are in: the schedule sees the loss, and a checkpoint keeps the version. Where nothing counted
 * there is no score: the version is never the best, and schedule and early stopping see nothing.
 */
export function finishValidation(state: CoreState, now: number, effects: Effect[]): void {
  const { config, progress } = state;
  const round = state.round!;
  const metrics = metricsOf(round.confusion!, config.numClasses);
  const score = scoreOf(round, metrics.meanIou);
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

function scoreOf(round: Round, meanIou: number | null): Score | null {
  const { lossSum, weightSum } = totalOf(round);
  const loss = lossSum / weightSum;
  // Classes may have weight 0: then pixels count in the metrics, and there is no loss.
  if (!(weightSum > 0) || !Number.isFinite(loss) || meanIou === null) return null;
  const numSkippedLeaves = skippedLeavesOf(round).length;
  return { step: stepTo(round.version), loss, meanIou, ...(numSkippedLeaves > 0 && { numSkippedLeaves }) };
}

/** Losses of the same photos compare; a model that fails on fewer of them is better, whatever it gives for the others. */
function isBetter(score: Score, best: Score | null): boolean {
  if (!best) return true;
  const numMore = (score.numSkippedLeaves ?? 0) - (best.numSkippedLeaves ?? 0);
  return numMore === 0 ? score.loss < best.loss : numMore < 0;
}

function warnOfNoScore(round: Round, effects: Effect[]): void {
  const numSkipped = skippedLeavesOf(round).length;
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

function checkpoint(
  state: CoreState,
  now: number,
  isBest: boolean,
  effects: Effect[],
  isFinal = false,
): void {
  state.lastCheckpointMs = now;
  state.checkpointWanted = false;
  effects.push({ type: 'checkpoint', progress: structuredClone(state.progress), isBest, isFinal });
}

function end(
  state: CoreState,
  reason: 'completed' | 'early-stopping' | 'stopped',
  now: number,
  effects: Effect[],
  isBest = false,
): void {
  state.round = null;
  state.ending = { reason, version: state.progress.version };
  checkpoint(state, now, isBest, effects, true);
}

/** A checkpoint of the weights as they are, which change only with a commit. */
export function keepNow(state: CoreState, { now, by }: { now: number; by: string }, effects: Effect[]): void {
  if (state.ending || state.progress.version === 0) return;
  effects.push({ type: 'emit', event: { type: 'checkpoint-requested', by } });
  if (state.round?.committing) state.checkpointWanted = true;
  else checkpoint(state, now, false, effects);
}

/**
 * A person asked the run to stop: a step under way is finished first, while somebody is there to finish it in time; a
 * validation is broken off and done again by the resumed run.
 */
export function endIfAsked(state: CoreState, now: number, effects: Effect[]): void {
  const { round } = state;
  if (state.ending || round?.committing) return;
  const { stopSinceMs } = state;
  if (round ? stopSinceMs === null : !stopsHere(state)) return;
  const isLate = now - (stopSinceMs ?? now) >= state.config.stopMs;
  const canFinish = round?.kind === 'train' && numActive(state) > 0 && !state.broker && !isLate;
  if (!canFinish) end(state, ownEnd(state) ?? 'stopped', now, effects);
}

/** The last checkpoint is durable: the run is over. */
export function afterCheckpoint(state: CoreState, event: { isFinal: boolean }, effects: Effect[]): void {
  // One of the same step that was begun before says less.
  if (!event.isFinal || !state.ending) return;
  state.over = true;
  effects.push({ type: 'finish', reason: state.ending.reason });
}

/** Without its last checkpoint a run has not ended well; any other is made up for by the next. */
export function afterCheckpointFailure(
  state: CoreState,
  { version, message, isFinal }: { version: Version; message: string; isFinal: boolean },
  effects: Effect[],
): void {
  if (isFinal || state.config.onCheckpointFailure === 'stop') {
    state.over = true;
    effects.push({ type: 'fail', cause: 'disk', message, leaf: null });
  } else {
    effects.push({ type: 'emit', event: { type: 'checkpoint-failed', step: stepTo(version), message } });
  }
}
