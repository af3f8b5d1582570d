/** The tables that a run's events come to: what their columns are, and the rows of an event. Pure. */
import { describeEvent, type RecordedEvent, recordedScores } from '@unet-fleet/law';
import type { Cell } from './cells.ts';

export interface Table {
  /** Of its file. */
  name: string;
  /** `classNames`: of the run, by class. */
  columns(classNames: readonly string[]): string[];
  rows(event: RecordedEvent, classNames: readonly string[]): Cell[][];
}

/** JSON has no NaN: a figure that was none is null in the metrics. */
const figure = (value: number | null): number => value ?? Number.NaN;

const steps: Table = {
  name: 'steps.csv',
  columns: () => [
    'at',
    'step',
    'epoch',
    'step_in_epoch',
    'loss',
    'learning_rate',
    'gradient_norm',
    'num_images',
    'step_ms',
    'num_workers',
    'fetch_ms',
    'data_ms',
    'compute_ms',
    'send_ms',
    'reduce_ms',
    'optimize_ms',
  ],
  rows(event) {
    if (event.type !== 'step') return [];
    const { at, step, epoch, stepInEpoch, loss, learningRate, gradientNorm, numImages, stepMs, numWorkers } =
      event;
    const { fetchMs, dataMs, computeMs, sendMs, reduceMs, optimizeMs } = event.timings ?? {};
    return [
      [
        at,
        step,
        epoch,
        stepInEpoch,
        figure(loss),
        learningRate,
        figure(gradientNorm),
        numImages,
        stepMs,
        numWorkers,
      ].concat([fetchMs, dataMs, computeMs, sendMs, reduceMs, optimizeMs] as number[]),
    ];
  },
};

const validations: Table = {
  name: 'validations.csv',
  columns: (classNames) => [
    'at',
    'step',
    'epoch',
    'loss',
    'pixel_accuracy',
    ...recordedScores.map(({ of }) => `mean_${of}`),
    'learning_rate_after',
    'is_best',
    // With the index before it, two classes of one name are two columns.
    ...recordedScores.flatMap(({ of }) => classNames.map((name, index) => `${of}_${index}_${name}`)),
  ],
  rows(event, classNames) {
    if (event.type !== 'validated') return [];
    const { at, step, epoch, loss, pixelAccuracy, learningRate, isBest } = event;
    const means = recordedScores.map(({ mean }) => figure(event[mean]));
    const byClass = recordedScores.flatMap((score) => {
      const { [score.byClass]: ofClasses = [] } = event;
      return classNames.map((_, index) => ofClasses[index]);
    });
    return [
      [at, step, epoch, figure(loss), figure(pixelAccuracy), ...means, learningRate, isBest, ...byClass],
    ];
  },
};

const workers: Table = {
  name: 'workers.csv',
  columns: () => [
    'step',
    'worker',
    'num_leaves',
    'start_ms',
    'end_ms',
    'fetch_ms',
    'data_ms',
    'compute_ms',
    'send_ms',
  ],
  rows(event) {
    if (event.type !== 'step') return [];
    return (event.workers ?? []).map(
      ({ worker, numLeaves, startMs, endMs, fetchMs, dataMs, computeMs, sendMs }) => [
        event.step,
        worker,
        numLeaves,
        startMs,
        endMs,
        fetchMs,
        dataMs,
        computeMs,
        sendMs,
      ],
    );
  },
};

const events: Table = {
  name: 'events.csv',
  columns: () => ['at', 'type', 'level', 'step', 'text'],
  rows(event) {
    const said = describeEvent(event);
    if (!said) return [];
    const step = 'step' in event ? event.step : null;
    return [[event.at, event.type, said.level, step, said.text]];
  },
};

export const tables: readonly Table[] = [steps, validations, workers, events];
