/**
 * What the events of a run say about its course, as series that can be drawn. A run that was stopped and resumed goes
 * back to its checkpoint, so the steps it repeats replace those recorded before: there is one value a step.
 */
import type { RunEvent } from '@unet-fleet/law';

export interface StepPoint {
  step: number;
  loss: number;
  learningRate: number;
}

export interface ValidationPoint {
  step: number;
  loss: number;
  meanIou: number;
  pixelAccuracy: number;
  isBest: boolean;
}

export interface History {
  steps: StepPoint[];
  validations: ValidationPoint[];
  /** Last step of each epoch, with the epoch's number. */
  epochEnds: { epoch: number; step: number }[];
  checkpoints: number[];
  /** Steps that the run went on from. */
  restarts: number[];
}

const isFigure = (value: number | null): value is number => Number.isFinite(value);

/** Reads a run's events in the order they were recorded. Values that are not finite (a diverged run) are left out. */
export function historyOf(events: Iterable<RunEvent>): History {
  const history: History = { steps: [], validations: [], epochEnds: [], checkpoints: [], restarts: [] };
  const epochOfStep = new Map<number, number>();
  let lastStep = 0;
  for (const event of events) {
    if (event.type === 'run-started' && event.numStepsDone > 0) {
      goBack(history, event.numStepsDone);
      lastStep = event.numStepsDone;
      history.restarts.push(event.numStepsDone);
    } else if (event.type === 'step') {
      if (event.step <= lastStep) goBack(history, event.step - 1);
      lastStep = event.step;
      epochOfStep.set(event.step, event.epoch);
      const { step, loss, learningRate } = event;
      if (isFigure(loss)) history.steps.push({ step, loss, learningRate });
    } else if (event.type === 'validated') {
      const { step, loss, meanIou, pixelAccuracy, isBest } = event;
      history.validations = history.validations.filter((validation) => validation.step < step);
      if (isFigure(loss) && isFigure(meanIou) && isFigure(pixelAccuracy)) {
        history.validations.push({ step, loss, meanIou, pixelAccuracy, isBest });
      }
    } else if (event.type === 'checkpoint') {
      if (history.checkpoints.at(-1) !== event.step) history.checkpoints.push(event.step);
    }
  }
  history.epochEnds = epochEndsOf(epochOfStep, lastStep);
  return history;
}

function goBack(history: History, step: number): void {
  const isKept = (point: { step: number }) => point.step <= step;
  history.steps = history.steps.filter(isKept);
  history.validations = history.validations.filter(isKept);
  history.checkpoints = history.checkpoints.filter((checkpoint) => checkpoint <= step);
}

function epochEndsOf(epochOfStep: Map<number, number>, lastStep: number): History['epochEnds'] {
  const ends = new Map<number, number>();
  for (const [step, epoch] of epochOfStep) {
    if (step <= lastStep) ends.set(epoch, Math.max(step, ends.get(epoch) ?? 0));
  }
  return [...ends].map(([epoch, step]) => ({ epoch, step })).sort((a, b) => a.epoch - b.epoch);
}
