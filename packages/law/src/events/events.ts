/**
 * What a run tells about itself: one entry for each kind of event, and nothing else says what it looks like. The
 * coordinator emits them; the terminal, metrics.jsonl, the curves, the page and the log are readers of this one stream.
 * From the entries follow the types, what is recorded, which lines of a run folder are events, and which of them a run
 * that goes on tells again.
 */

import { commitMoment, type Moment, validationMoment } from '../course/moments.ts';
import { type RecordedScores, recordedScores } from '../metrics/class-scores/index.ts';
import { roundKinds, rounds } from '../plan/rounds.ts';
import { type Step, stepTo, versionBefore } from '../plan/version.ts';
import {
  type Field,
  type Fields,
  figure,
  list,
  maybe,
  measured,
  newer,
  number,
  object,
  oneOf,
  type Read,
  type Told,
  text,
  textOrNone,
  yesOrNo,
} from './fields.ts';

interface Kind<F extends Fields> {
  fields: F;
  isRecorded: boolean;
  /** Of the work that it tells of; null: see `once`. */
  moment: ((event: never) => Moment) | null;
}

/** It has happened: that its step is computed again does not tell it again. */
const once = <F extends Fields>(fields: F): Kind<F> => ({ fields, isRecorded: true, moment: null });

/** Part of a step's work: a run that goes on from before it tells it again. */
const again = <F extends Fields>(
  fields: F,
  moment: (event: Read<F>) => Moment = (event) => commitMoment((event as { step?: Step }).step ?? 0),
): Kind<F> => ({ fields, isRecorded: true, moment });

/** For those who watch, and not kept. */
const passing = <F extends Fields>(fields: F): Kind<F> => ({ fields, isRecorded: false, moment: null });

const step: Field<Step> = number;

const lane = {
  worker: text,
  numLeaves: number,
  /** From its first lease to its last answer that counted. */
  startMs: number,
  endMs: number,
  fetchMs: number,
  dataMs: number,
  computeMs: number,
  sendMs: number,
};
/** Where the time of a step went on one worker, in ms; offsets count from the beginning of the round. */
export type WorkerLane = Told<typeof lane>;

const timings = {
  /** Weights fetched and handed to the engine. */
  fetchMs: newer(number),
  /** Waiting for samples to be loaded. */
  dataMs: newer(number),
  computeMs: newer(number),
  /** Gradients made available. */
  sendMs: newer(number),
  /** Gradients fetched and added, all nodes together. */
  reduceMs: number,
  /** Norm, clipping and update. */
  optimizeMs: number,
};
/** Where the time of a step went, in ms: the slowest worker's parts, then the coordinator's. */
export type StepTimings = Told<typeof timings>;

/** Of a leaf whose numbers were not finite. */
const ofLeaf = {
  kind: oneOf(...roundKinds),
  /** Whose gradient is computed with the version of the round. */
  step,
  leaf: number,
  worker: text,
  /** Added by the shell. */
  samples: maybe(list(text)),
};
const momentOfLeaf = ({ kind, step }: Read<typeof ofLeaf>): Moment =>
  rounds[kind]?.isOfStep === false ? validationMoment(stepTo(versionBefore(step))) : commitMoment(step);

/** What each validation's event has of the scores. */
const scores = Object.fromEntries(
  recordedScores.flatMap(({ mean, byClass }): [string, Field<unknown>][] => [
    [mean, figure],
    [byClass, maybe(list(figure))],
  ]),
) as { [N in keyof Required<RecordedScores>]: Field<RecordedScores[N]> };

export const runEvents = {
  /** First of all: what will run, once the data set is scanned and the broker is there. */
  'run-started': once({
    runId: newer(text),
    runDir: newer(text),
    brokerUrl: newer(text),
    /** Steps already committed: 0 for a new run. */
    numStepsDone: number,
    numSteps: number,
    numTrainPhotos: newer(number),
    numValidationPhotos: newer(number),
    numClasses: newer(number),
    numParameters: newer(number),
    /** Most leaves that a step has; more workers than this leave some idle. */
    numLeaves: newer(number),
  }),
  waiting: passing({ reason: text, numWorkers: newer(number), minWorkers: newer(number) }),
  'worker-joined': once({ worker: text, numWorkers: number, numLeaves: newer(number) }),
  'worker-left': once({ worker: text, reason: text, numWorkers: number }),
  /** A process with reducers is gone, and the run goes back to its last checkpoint: a start of its own follows. */
  'reducer-lost': once({ reducer: text, reason: text, step }),
  /** The coordinator's connection to the broker: while it is closed, everything waits. */
  'broker-lost': once({ reason: text }),
  'broker-back': once({ awayMs: number }),
  /** An answer takes longer than nearly all did; an idle worker gets the leaves as well as soon as there is one. */
  'worker-late': once({
    worker: text,
    step,
    leaves: text,
    elapsedMs: number,
    /** Median time of a leaf. */
    usualMs: number,
    /** Until it is taken for hung. */
    hungInMs: number,
  }),
  /** A late worker's leaves were given to an idle one as well: the first answer counts. */
  'lease-repeated': once({ worker: text, to: text, step, leaves: text, reason: text }),
  /** A worker that keeps failing gets no lease for a while. */
  'worker-set-aside': once({ worker: text, reason: text, numFailures: number, pauseMs: number }),
  /** A leaf's loss or gradient was not finite: it counts as having no valid pixel. */
  'leaf-skipped': again(ofLeaf, momentOfLeaf),
  /** It was not finite in bf16, and so the worker has computed the leaf again in float32, which counts. */
  'leaf-retried': again(ofLeaf, momentOfLeaf),
  /** A leaf's gradient is far larger than those before it: most often a wrong mask or a damaged photo. */
  'gradient-outlier': again({
    step,
    leaf: number,
    worker: text,
    /** Of the leaf's mean gradient. */
    norm: number,
    /** Of the leaves before it. */
    median: number,
    /** Added by the shell. */
    samples: maybe(list(text)),
  }),
  /** A checkpoint could not be written; the one before it stays. */
  'checkpoint-failed': once({ step, message: text }),
  'epoch-started': again(
    { epoch: number, numEpochs: number, numSteps: newer(number), firstStep: newer(number) },
    // It begins with a step of its epoch, in an event of its own for each start of the run.
    ({ epoch, numSteps = 0, firstStep = 1 }) => commitMoment((epoch - 1) * numSteps + firstStep),
  ),
  step: again({
    /** Epochs count from 1, steps from 1: step n is the n-th commit of the run. */
    epoch: number,
    stepInEpoch: number,
    step,
    /** Mean over the valid pixels of the global batch; null where it has none. */
    loss: figure,
    learningRate: number,
    numImages: number,
    /** Before clipping, of the mean gradient. */
    gradientNorm: measured,
    stepMs: number,
    numWorkers: number,
    /** Added by the shell; the core knows no durations. */
    timings: maybe(object(timings)),
    workers: maybe(list(object(lane))),
  }),
  'validation-started': passing({ step, numImages: number }),
  'validation-progress': passing({ step, numImagesDone: number, numImages: number }),
  validated: again(
    {
      epoch: number,
      step,
      /** These two are null where nothing counted: then the model has no score. */
      loss: figure,
      pixelAccuracy: figure,
      ...scores,
      /** After the schedule has seen this loss. */
      learningRate: number,
      isBest: yesOrNo,
    },
    ({ step }) => validationMoment(step),
  ),
  /** A checkpoint is durable. */
  checkpoint: again({
    step,
    path: newer(text),
    isBest: yesOrNo,
    /** Of its four files. */
    sizeBytes: newer(number),
    /** The most that training can have waited for it: until the weights were copied in memory. */
    snapshotMs: newer(number),
    /** What writing took, beside training. */
    writeMs: newer(number),
  }),
  /** What the validation of this step showed can be read in the run folder. */
  'evaluation-kept': again({ step, numPictures: number }, ({ step }) => validationMoment(step)),
  /** A person steers the run; `by` says from where. */
  paused: once({ by: text }),
  resumed: once({ by: text, pausedMs: number }),
  'checkpoint-requested': once({ by: text }),
  'drain-requested': once({ worker: text, by: text }),
  'stop-after-epoch': once({ isWanted: yesOrNo, by: text }),
  /** A run that has begun was given options anew; they count from `step` on. A learning rate is told by itself. */
  'options-changed': once({
    step,
    changes: list(object({ flag: text, from: number, to: number })),
    by: text,
  }),
  /** `step` is the first that the new rate counts for, from 1. */
  'learning-rate-changed': once({ step, from: number, to: number, by: text }),
  /** Messages of a worker that were not used, since this was told last; at most once in ten seconds for a reason. */
  'message-rejected': once({ worker: text, reason: text, count: number }),
  /** How the data was taken, where that is no plain case: nothing is wrong. */
  note: once({ message: text }),
  warning: once({ message: text }),
  finished: again({
    reason: oneOf('completed', 'early-stopping', 'stopped'),
    step,
    weightsSha256: text,
    bestCheckpoint: newer(textOrNone),
    lastCheckpoint: newer(textOrNone),
  }),
};

type RunEvents = typeof runEvents;
export type EventType = keyof RunEvents;

export type RunEvent = {
  [T in EventType]: { type: T } & Told<RunEvents[T]['fields']>;
}[EventType];

/** With the time at which it was told: ISO 8601, UTC. */
export type TimedEvent = RunEvent & { at: string };

/** What a reader can count on, whichever version told it. Every RunEvent is one. */
export type KnownEvent = {
  [T in EventType]: { type: T } & Read<RunEvents[T]['fields']>;
}[EventType];

/** As it is read in a run's folder. */
export type RecordedEvent = KnownEvent & { at: string };
export type RecordedOf<T extends EventType> = Extract<RecordedEvent, { type: T }>;
