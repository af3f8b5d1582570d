/**
 * What the terminal knows of a run, as a function of the events so far and the times they were read. Pure; the shell
 * in run-terminal.ts shows it.
 */
import { describeEvent, type RunEvent } from '@unet-fleet/law';
import type { BarState } from './bar.ts';
import { compact, counted, duration, lossText, rateText, shareText } from './format.ts';

/** Steps that the shown speed is averaged over. */
const speedWindow = 20;

export type RunProgress = ReturnType<typeof initialProgress>;

export const initialProgress = (nowMs: number) => ({
  numSteps: 0,
  epoch: 0,
  numEpochs: 0,
  epochSteps: 0,
  stepInEpoch: 0,
  step: 0,
  epochStartedAtMs: nowMs,
  lossSum: 0,
  lossImages: 0,
  learningRate: 0,
  numWorkers: 0,
  recent: [] as { ms: number; numImages: number }[],
  numStepsSeen: 0,
  lastStepAtMs: null as number | null,
  /** A line of the current epoch has been printed. */
  isEpochTold: true,
  validation: null as { numImages: number; numImagesDone: number; startedAtMs: number } | null,
  lastValidationMs: 0,
  /** Steps that were committed before this process took up the run. */
  numStepsBefore: 0,
  waiting: '',
  startedAtMs: nowMs,
  finished: null as Extract<RunEvent, { type: 'finished' }> | null,
});

export interface Line {
  tone: 'plain' | 'good' | 'warning' | 'quiet';
  text: string;
}

const line = (text: string, tone: Line['tone'] = 'plain'): Line => ({ text, tone });

/** An event's sentence as a line. */
function told(event: RunEvent): Line[] {
  const said = describeEvent(event);
  return said ? [line(said.text, said.level === 'warn' ? 'warning' : 'quiet')] : [];
}

/** The progress after an event, and the lines to print for it. */
export function advance(
  before: RunProgress,
  event: RunEvent,
  nowMs: number,
): { progress: RunProgress; lines: Line[] } {
  const quietly = (change: Partial<RunProgress>) => ({ progress: { ...before, ...change }, lines: [] });
  switch (event.type) {
    case 'run-started':
      return quietly({
        numSteps: event.numSteps,
        numStepsBefore: event.numStepsDone,
        step: event.numStepsDone,
        startedAtMs: nowMs,
      });
    case 'waiting': {
      const text = `waiting: ${event.reason}`;
      const lines = text === before.waiting ? [] : [line(text, 'quiet')];
      return { progress: { ...before, waiting: text }, lines };
    }
    case 'worker-joined':
    case 'worker-left':
      return { progress: { ...before, numWorkers: event.numWorkers, waiting: '' }, lines: told(event) };
    case 'reducer-lost':
      return { progress: { ...before, numWorkers: 0, validation: null, waiting: '' }, lines: told(event) };
    case 'broker-lost':
      return {
        progress: { ...before, waiting: `waiting for the broker: ${event.reason}` },
        lines: told(event),
      };
    case 'paused':
      return { progress: { ...before, waiting: `paused by ${event.by}` }, lines: told(event) };
    case 'broker-back':
    case 'resumed':
      return { progress: { ...before, waiting: '' }, lines: told(event) };
    case 'worker-late':
    case 'lease-repeated':
    case 'worker-set-aside':
    case 'leaf-skipped':
    case 'leaf-retried':
    case 'gradient-outlier':
    case 'checkpoint-failed':
    case 'checkpoint-requested':
    case 'drain-requested':
    case 'stop-after-epoch':
    case 'learning-rate-changed':
    case 'options-changed':
    case 'warning':
      return { progress: before, lines: told(event) };
    case 'note':
      return { progress: before, lines: [line(describeEvent(event)?.text ?? '')] };
    case 'epoch-started':
      return {
        progress: {
          ...before,
          epoch: event.epoch,
          numEpochs: event.numEpochs,
          epochSteps: event.numSteps,
          stepInEpoch: 0,
          epochStartedAtMs: nowMs,
          lastStepAtMs: before.lastStepAtMs === null ? null : nowMs,
          lossSum: 0,
          lossImages: 0,
          isEpochTold: false,
        },
        lines: pendingEpochLine(before, nowMs),
      };
    case 'step':
      return { progress: afterStep(before, event, nowMs), lines: [] };
    case 'validation-started':
      return quietly({ validation: { numImages: event.numImages, numImagesDone: 0, startedAtMs: nowMs } });
    case 'validation-progress':
      return quietly({
        validation: {
          numImages: event.numImages,
          numImagesDone: event.numImagesDone,
          startedAtMs: before.validation?.startedAtMs ?? nowMs,
        },
      });
    case 'validated':
      return afterValidation(before, event, nowMs);
    case 'checkpoint':
      return quietly({ lastStepAtMs: before.lastStepAtMs === null ? null : nowMs });
    case 'evaluation-kept':
    case 'message-rejected':
      return quietly({});
    case 'finished':
      return { progress: { ...before, finished: event }, lines: pendingEpochLine(before, nowMs) };
  }
}

function afterStep(
  before: RunProgress,
  event: Extract<RunEvent, { type: 'step' }>,
  nowMs: number,
): RunProgress {
  // Between two commits lies what a step costs in full; the first one's own figure has to do.
  const ms = before.lastStepAtMs === null ? event.stepMs : nowMs - before.lastStepAtMs;
  // The first step includes what an engine sets up once: it counts only until there is another.
  const recent = before.numStepsSeen === 1 ? [] : before.recent;
  return {
    ...before,
    numStepsSeen: before.numStepsSeen + 1,
    step: event.step,
    epoch: event.epoch,
    stepInEpoch: event.stepInEpoch,
    lossSum: before.lossSum + (event.loss ?? 0) * event.numImages,
    lossImages: before.lossImages + (event.loss === null ? 0 : event.numImages),
    learningRate: event.learningRate,
    numWorkers: event.numWorkers,
    recent: [...recent, { ms, numImages: event.numImages }].slice(-speedWindow),
    lastStepAtMs: nowMs,
    isEpochTold: false,
    waiting: '',
  };
}

function afterValidation(
  before: RunProgress,
  event: Extract<RunEvent, { type: 'validated' }>,
  nowMs: number,
) {
  const { step, loss, meanIou, learningRate } = event;
  const figures = [
    `validation loss ${lossText(loss)}`,
    `mean IoU ${shareText(meanIou)}`,
    `accuracy ${shareText(event.pixelAccuracy)}`,
  ];
  const endsEpoch = before.stepInEpoch === before.epochSteps && !before.isEpochTold;
  const parts = endsEpoch
    ? [
        ...epochParts(before),
        ...figures,
        `lr ${compact(before.learningRate)}`,
        duration(nowMs - before.epochStartedAtMs),
      ]
    : [`step ${step}`, ...figures];
  const lines = [
    line([...parts, ...(event.isBest ? ['best so far'] : [])].join('  '), event.isBest ? 'good' : 'plain'),
  ];
  if (isDrop(before.learningRate, learningRate) && before.finished === null) {
    const from = compact(before.learningRate);
    lines.push(line(`learning rate ${from} -> ${compact(learningRate)}`, 'quiet'));
  }
  const progress: RunProgress = {
    ...before,
    learningRate,
    validation: null,
    lastValidationMs: before.validation ? nowMs - before.validation.startedAtMs : before.lastValidationMs,
    lastStepAtMs: before.lastStepAtMs === null ? null : nowMs,
    isEpochTold: before.isEpochTold || endsEpoch,
  };
  return { progress, lines };
}

const epochLabel = ({ epoch, numEpochs }: RunProgress): string =>
  `epoch ${String(epoch).padStart(String(numEpochs).length)}/${numEpochs}`;

const meanLoss = ({ lossSum, lossImages }: RunProgress): number => lossSum / lossImages;

const epochParts = (progress: RunProgress): string[] => [
  epochLabel(progress),
  `loss ${lossText(meanLoss(progress))}`,
];

/** The line of an epoch that no validation followed. */
function pendingEpochLine(progress: RunProgress, nowMs: number): Line[] {
  if (progress.isEpochTold || progress.lossImages === 0) return [];
  const { stepInEpoch, epochSteps, learningRate, epochStartedAtMs } = progress;
  const steps = stepInEpoch < epochSteps ? [`${stepInEpoch}/${epochSteps} steps`] : [];
  const parts = [
    ...epochParts(progress),
    ...steps,
    `lr ${compact(learningRate)}`,
    duration(nowMs - epochStartedAtMs),
  ];
  return [line(parts.join('  '))];
}

/** What the live line shows; null while there is nothing to count. */
export function barOf(progress: RunProgress, nowMs: number): BarState | null {
  if (progress.finished) return null;
  const { validation } = progress;
  if (validation) {
    return {
      label: 'validation',
      done: validation.numImagesDone,
      total: validation.numImages,
      unit: 'images',
      details: validationDetails(validation, nowMs),
    };
  }
  const isEpochOver = progress.isEpochTold && progress.stepInEpoch === progress.epochSteps;
  if (progress.epochSteps === 0 || isEpochOver) return null;
  return {
    label: epochLabel(progress),
    done: progress.stepInEpoch,
    total: progress.epochSteps,
    unit: '',
    details: progress.lossImages === 0 ? [] : stepDetails(progress),
  };
}

const stepDetails = (progress: RunProgress): BarState['details'] => [
  { text: `loss ${lossText(meanLoss(progress))}`, rank: 0 },
  { text: `lr ${compact(progress.learningRate)}`, rank: 4 },
  { text: rateText(imagesPerSecond(progress)), rank: 2 },
  { text: counted(progress.numWorkers, 'worker'), rank: 3 },
  { text: `${duration(timeLeftMs(progress))} left`, rank: 1 },
];

function validationDetails(
  validation: NonNullable<RunProgress['validation']>,
  nowMs: number,
): BarState['details'] {
  const elapsedMs = nowMs - validation.startedAtMs;
  if (validation.numImagesDone === 0 || elapsedMs <= 0) return [];
  const perMs = validation.numImagesDone / elapsedMs;
  return [
    { text: rateText(perMs * 1000), rank: 1 },
    { text: `${duration((validation.numImages - validation.numImagesDone) / perMs)} left`, rank: 0 },
  ];
}

export function imagesPerSecond({ recent }: RunProgress): number {
  const ms = recent.reduce((sum, step) => sum + step.ms, 0);
  return ms > 0 ? (1000 * recent.reduce((sum, step) => sum + step.numImages, 0)) / ms : 0;
}

/** Of the whole run: its remaining steps at the recent speed, and one validation per epoch that is still to end. */
export function timeLeftMs(progress: RunProgress): number {
  const { recent, numSteps, numEpochs, epoch, epochSteps, step, stepInEpoch } = progress;
  const stepMs = recent.reduce((sum, { ms }) => sum + ms, 0) / Math.max(1, recent.length);
  const stepsLeft =
    numSteps > 0 ? numSteps - step : (numEpochs - epoch) * epochSteps + epochSteps - stepInEpoch;
  return stepsLeft * stepMs + (numEpochs - epoch + 1) * progress.lastValidationMs;
}

/** A drop that a schedule decided on; a cosine's slide from step to step is none, nor is its end at 0. */
const isDrop = (before: number, after: number): boolean => after > 0 && after < 0.9 * before;
