/**
 * The course of a run: train round, commit, perhaps a validation round, perhaps a checkpoint, and on.
 */
import {
  afterValidation,
  earlyStoppingAfterValidation,
  metricsOf,
  numSteps,
  numValidationLeaves,
  rateAt,
  shouldStopEarly,
  stepPlan,
  stepsPerEpoch,
} from '@unet-fleet/shared';
import { newRound, totalOf } from './round.ts';
import type { CoreState, Effect } from './types.ts';

/** Starts the next round when none is on and the run is not ending. */
export function startRound(state: CoreState, now: number, effects: Effect[]): void {
  if (state.round || state.ending) return;
  const { plan } = state.config;
  const { version, validationPending } = state.progress;
  if (validationPending) {
    const { numValidationSamples } = plan;
    state.round = newRound('validation', version, now, numValidationLeaves(plan), numValidationSamples);
    state.round.confusion = new Float64Array(state.config.numClasses ** 2);
    effects.push({
      type: 'emit',
      event: { type: 'validation-started', step: version, numImages: numValidationSamples },
    });
    return;
  }
  if (version >= numSteps(plan)) {
    end(state, 'completed', effects);
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
        numEpochs: plan.epochs,
        numSteps: numStepsOfEpoch,
        firstStep: step.stepInEpoch + 1,
      },
    });
  }
}

/** The reducers have applied the step: weights version s has become s + 1. */
export function afterCommit(
  state: CoreState,
  event: { now: number; step: number; gradientNorm: number },
  effects: Effect[],
): void {
  const round = state.round;
  if (!round?.committing || round.step !== event.step) {
    throw new Error(`step ${event.step} was committed but round ${round?.step} is on`);
  }
  const { config, progress } = state;
  const step = stepPlan(config.plan, round.step);
  const { lossSum, weightSum } = totalOf(round);
  state.round = null;
  progress.version++;
  const isEpochEnd = progress.version % stepsPerEpoch(config.plan) === 0;
  const isLast = progress.version === numSteps(config.plan);
  const isDue = config.validateEvery > 0 ? progress.version % config.validateEvery === 0 : isEpochEnd;
  progress.validationPending = isDue || isLast;
  effects.push({
    type: 'emit',
    event: {
      type: 'step',
      epoch: step.epoch + 1,
      stepInEpoch: step.stepInEpoch + 1,
      step: progress.version,
      loss: weightSum > 0 ? lossSum / weightSum : 0,
      learningRate: rateAt(progress.schedule, round.step),
      numImages: step.numImages,
      gradientNorm: event.gradientNorm,
      stepMs: event.now - round.startedAtMs,
      numWorkers: state.members.length,
    },
  });
  if (state.stopRequested) {
    end(state, 'stopped', effects);
  } else if (
    !progress.validationPending &&
    config.checkpointEvery > 0 &&
    progress.version % config.checkpointEvery === 0
  ) {
    checkpoint(state, false, effects);
  }
}

/** All validation leaves are in: the schedule sees the loss, and a checkpoint keeps the version. */
export function finishValidation(state: CoreState, effects: Effect[]): void {
  const { config, progress } = state;
  const round = state.round!;
  const { lossSum, weightSum } = totalOf(round);
  const loss = weightSum > 0 ? lossSum / weightSum : 0;
  const metrics = metricsOf(round.confusion!, config.numClasses);
  const epoch = stepPlan(config.plan, round.step - 1).epoch + 1;
  state.round = null;
  progress.validationPending = false;
  progress.schedule = afterValidation(progress.schedule, loss);
  progress.earlyStopping = earlyStoppingAfterValidation(progress.earlyStopping, loss);
  const isBest = progress.best === null || loss < progress.best.loss;
  if (isBest) progress.best = { step: round.step, loss, meanIou: metrics.meanIou };
  effects.push({
    type: 'emit',
    event: {
      type: 'validated',
      epoch,
      step: round.step,
      loss,
      pixelAccuracy: metrics.pixelAccuracy,
      meanIou: metrics.meanIou,
      learningRate: rateAt(progress.schedule, round.step),
      isBest,
    },
  });
  if (state.stopRequested) end(state, 'stopped', effects, isBest);
  else if (progress.version >= numSteps(config.plan)) end(state, 'completed', effects, isBest);
  else if (shouldStopEarly(progress.earlyStopping)) end(state, 'early-stopping', effects, isBest);
  else checkpoint(state, isBest, effects);
}

function checkpoint(state: CoreState, isBest: boolean, effects: Effect[], isFinal = false): void {
  effects.push({ type: 'checkpoint', progress: structuredClone(state.progress), isBest, isFinal });
}

function end(
  state: CoreState,
  reason: 'completed' | 'early-stopping' | 'stopped',
  effects: Effect[],
  isBest = false,
): void {
  state.round = null;
  state.ending = { reason, checkpointStep: state.progress.version };
  checkpoint(state, isBest, effects, true);
}

/**
 * A person asked the run to stop: a step under way is finished first, when somebody is there to finish it; a
 * validation is broken off and done again by the resumed run.
 */
export function requestStop(state: CoreState, effects: Effect[]): void {
  if (state.stopRequested) return;
  state.stopRequested = true;
  if (state.ending) return;
  const isStepUnderWay = state.round?.kind === 'train' && state.members.length > 0;
  if (!isStepUnderWay && !state.round?.committing) end(state, 'stopped', effects);
}

/** The last checkpoint is durable: the run is over. */
export function afterCheckpoint(state: CoreState, step: number, effects: Effect[]): void {
  if (state.ending?.checkpointStep !== step) return;
  state.over = true;
  effects.push({ type: 'finish', reason: state.ending.reason });
}
