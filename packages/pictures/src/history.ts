/**
 * What the events of a run say about its course, as series that can be drawn.
 */
import type { KnownEvent } from '@unet-fleet/law';

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

/** `events`: that stand, in the order they were recorded. Values that are not finite (a diverged run) are left out. */
export function historyOf(events: Iterable<KnownEvent>): History {
  const history: History = { steps: [], validations: [], epochEnds: [], checkpoints: [], restarts: [] };
  const endOfEpoch = new Map<number, number>();
  for (const event of events) {
    if (event.type === 'run-started') {
      if (event.numStepsDone > 0) history.restarts.push(event.numStepsDone);
    } else if (event.type === 'step') {
      endOfEpoch.set(event.epoch, event.step);
      const { step, loss, learningRate } = event;
      if (isFigure(loss)) history.steps.push({ step, loss, learningRate });
    } else if (event.type === 'validated') {
      const { step, loss, meanIou, pixelAccuracy, isBest } = event;
      if (isFigure(loss) && isFigure(meanIou) && isFigure(pixelAccuracy)) {
        history.validations.push({ step, loss, meanIou, pixelAccuracy, isBest });
      }
    } else if (event.type === 'checkpoint') {
      if (history.checkpoints.at(-1) !== event.step) history.checkpoints.push(event.step);
    }
  }
  history.epochEnds = Array.from(endOfEpoch, ([epoch, step]) => ({ epoch, step }));
  return history;
}
