/** The tables that a run's events come to: what their columns are, and the rows of an event. Pure. */
import { describeEvent, type RecordedEvent, recordedScores } from '@unet-fleet/law';
import { coordinatorParts, workerParts } from '@unet-fleet/pictures/models/step-parts';
import type { Cell } from './cells.ts';

export interface Table {
  /** Of its file. */
  name: string;
  /** `classNames`: of the run, by class. */
  columns(classNames: readonly string[]): string[];
  rows(event: RecordedEvent, classNames: readonly string[]): Cell[][];
}

/** JSON has no NaN: a figure that was none is null in the metrics. */
const figure = <T extends Cell>(value: T): NonNullable<T> | number => value ?? Number.NaN;

/** As in the events, in the way of tables: stepMs is step_ms. */
const column = (field: string): string => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const stepFields = ['at', 'step', 'epoch', 'stepInEpoch', 'loss', 'learningRate', 'gradientNorm'] as const;
const sizeFields = ['numImages', 'stepMs', 'numWorkers'] as const;
const timings = [...workerParts, ...coordinatorParts].map((part) => `${part}Ms` as const);

const steps: Table = {
  name: 'steps.csv',
  columns: () => [...stepFields, ...sizeFields, ...timings].map(column),
  rows(event) {
    if (event.type !== 'step') return [];
    const figures = stepFields.map((field) => figure(event[field]));
    const sizes = sizeFields.map((field) => event[field]);
    return [[...figures, ...sizes, ...timings.map((field) => event.timings?.[field])]];
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

const laneFields = [
  ...(['worker', 'numLeaves', 'startMs', 'endMs'] as const),
  ...workerParts.map((part) => `${part}Ms` as const),
];

const workers: Table = {
  name: 'workers.csv',
  columns: () => ['step', ...laneFields].map(column),
  rows(event) {
    if (event.type !== 'step') return [];
    return (event.workers ?? []).map((lane) => [event.step, ...laneFields.map((field) => lane[field])]);
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
