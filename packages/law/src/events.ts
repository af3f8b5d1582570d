/**
 * What a run tells about itself. The coordinator emits these; the terminal, metrics.jsonl, the curves and the log
 * are readers of this one stream.
 */
import type { RecordedScores } from './metrics/class-scores/index.ts';
import type { RoundKind } from './plan/rounds.ts';
import type { Step } from './plan/version.ts';

export type RunEvent =
  /** First of all: what will run, once the data set is scanned and the broker is there. */
  | {
      type: 'run-started';
      runId: string;
      runDir: string;
      brokerUrl: string;
      /** Steps already committed: 0 for a new run. */
      numStepsDone: number;
      numSteps: number;
      numTrainPhotos: number;
      numValidationPhotos: number;
      numClasses: number;
      numParameters: number;
      /** Most leaves that a step has; more workers than this leave some idle. */
      numLeaves: number;
    }
  | { type: 'waiting'; reason: string; numWorkers: number; minWorkers: number }
  | { type: 'worker-joined'; worker: string; numWorkers: number; numLeaves: number }
  | { type: 'worker-left'; worker: string; reason: string; numWorkers: number }
  /** The coordinator's connection to the broker: while it is closed, everything waits. */
  | { type: 'broker-lost'; reason: string }
  | { type: 'broker-back'; awayMs: number }
  /** An answer takes longer than nearly all did; an idle worker gets the leaves as well as soon as there is one. */
  | {
      type: 'worker-late';
      worker: string;
      step: Step;
      leaves: string;
      elapsedMs: number;
      /** Median time of a leaf. */
      usualMs: number;
      /** Until it is taken for hung. */
      hungInMs: number;
    }
  /** A late worker's leaves were given to an idle one as well: the first answer counts. */
  | { type: 'lease-repeated'; worker: string; to: string; step: Step; leaves: string; reason: string }
  /** A worker that keeps failing gets no lease for a while. */
  | { type: 'worker-set-aside'; worker: string; reason: string; numFailures: number; pauseMs: number }
  /** A leaf's loss or gradient was not finite: it counts as having no valid pixel. */
  | {
      type: 'leaf-skipped';
      kind: RoundKind;
      /** Whose gradient is computed with the version of the round. */
      step: Step;
      leaf: number;
      worker: string;
      /** Added by the shell. */
      samples?: string[];
    }
  /** A leaf's gradient is far larger than those before it: most often a wrong mask or a damaged photo. */
  | {
      type: 'gradient-outlier';
      step: Step;
      leaf: number;
      worker: string;
      /** Of the leaf's mean gradient. */
      norm: number;
      /** Of the leaves before it. */
      median: number;
      /** Added by the shell. */
      samples?: string[];
    }
  /** A checkpoint could not be written; the one before it stays. */
  | { type: 'checkpoint-failed'; step: Step; message: string }
  | { type: 'epoch-started'; epoch: number; numEpochs: number; numSteps: number; firstStep: number }
  | {
      type: 'step';
      /** Epochs count from 1, steps from 1: step n is the n-th commit of the run. */
      epoch: number;
      stepInEpoch: number;
      step: Step;
      /** Mean over the valid pixels of the global batch; null where it has none. */
      loss: number | null;
      learningRate: number;
      numImages: number;
      /** Before clipping, of the mean gradient. */
      gradientNorm: number;
      stepMs: number;
      numWorkers: number;
      /** Added by the shell; the core knows no durations. */
      timings?: StepTimings;
      workers?: WorkerLane[];
    }
  | { type: 'validation-started'; step: Step; numImages: number }
  | { type: 'validation-progress'; step: Step; numImagesDone: number; numImages: number }
  | ({
      type: 'validated';
      epoch: number;
      step: Step;
      /** These two are null where nothing counted: then the model has no score. */
      loss: number | null;
      pixelAccuracy: number | null;
      /** After the schedule has seen this loss. */
      learningRate: number;
      isBest: boolean;
    } & RecordedScores)
  /** A checkpoint is durable. */
  | {
      type: 'checkpoint';
      step: Step;
      path: string;
      isBest: boolean;
      /** Of its four files. */
      sizeBytes: number;
      /** The most that training can have waited for it: until the weights were copied in memory. */
      snapshotMs: number;
      /** What writing took, beside training. */
      writeMs: number;
    }
  /** What the validation of this step showed can be read in the run folder. */
  | { type: 'evaluation-kept'; step: Step; numPictures: number }
  /** A person steers the run; `by` says from where. */
  | { type: 'paused'; by: string }
  | { type: 'resumed'; by: string; pausedMs: number }
  | { type: 'checkpoint-requested'; by: string }
  | { type: 'drain-requested'; worker: string; by: string }
  | { type: 'stop-after-epoch'; isWanted: boolean; by: string }
  /** A run that has begun was given options anew; they count from `step` on. A learning rate is told by itself. */
  | {
      type: 'options-changed';
      step: Step;
      changes: { flag: string; from: number; to: number }[];
      by: string;
    }
  /** `step` is the first that the new rate counts for, from 1. */
  | { type: 'learning-rate-changed'; step: Step; from: number; to: number; by: string }
  /** Messages of a worker that were not used, since this was told last; at most once in ten seconds for a reason. */
  | { type: 'message-rejected'; worker: string; reason: string; count: number }
  /** How the data was taken, where that is no plain case: nothing is wrong. */
  | { type: 'note'; message: string }
  | { type: 'warning'; message: string }
  | {
      type: 'finished';
      reason: 'completed' | 'early-stopping' | 'stopped';
      step: Step;
      weightsSha256: string;
      bestCheckpoint: string | null;
      lastCheckpoint: string | null;
    };

/** Where the time of a step went on one worker, in ms; offsets count from the beginning of the round. */
export interface WorkerLane {
  worker: string;
  numLeaves: number;
  /** From its first lease to its last answer that counted. */
  startMs: number;
  endMs: number;
  fetchMs: number;
  dataMs: number;
  computeMs: number;
  sendMs: number;
}

/** Where the time of a step went, in ms: the slowest worker's parts, then the coordinator's. */
export interface StepTimings {
  /** Weights fetched and handed to the engine. */
  fetchMs: number;
  /** Waiting for samples to be loaded. */
  dataMs: number;
  computeMs: number;
  /** Gradients made available. */
  sendMs: number;
  /** Gradients fetched and added, all nodes together. */
  reduceMs: number;
  /** Norm, clipping and update. */
  optimizeMs: number;
}
