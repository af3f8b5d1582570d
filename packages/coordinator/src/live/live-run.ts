/**
 * A run as those see it who watch or steer it while it goes on: the live page, metrics, TensorBoard. They are attached
 * to it from above; the run knows nothing of them, and nothing they do can make it wait.
 */
import type { Config, Step, TimedEvent } from '@unet-fleet/law';
import type { EvaluationStore, LiveStatus, WorkerFacts } from '@unet-fleet/record';
import { maxFollowed } from '@unet-fleet/wire/protocol/messages';
import type { GradientHistograms } from '../reducer/pool.ts';

/** A photo of the validation set. */
export interface SampleFacts {
  id: string;
  /** Paths on the coordinator's host. */
  imagePath: string;
  maskPath: string;
  /** Of both, where they are stacks. */
  page: number;
}

/** What became of a wish: a sentence for the person who had it. */
export type ControlReply = { ok: true; message: string } | { ok: false; message: string };

/** `by`: who asked, for the record, such as an address. */
export interface RunControls {
  /** The step under way is finished; then nothing is leased until `resume`. */
  pause(by: string): ControlReply;
  resume(by: string): ControlReply;
  /** After the step under way. */
  checkpoint(by: string): ControlReply;
  /** Asks a worker, by name, to hand back its leases and leave. */
  drain(worker: string, by: string): ControlReply;
  stopAfterEpoch(isWanted: boolean, by: string): ControlReply;
  /**
   * From the next step that begins: the rate that the schedule gives there becomes this one, and what the schedule does
   * later scales with it. Durable before it counts, so a resumed run and a replay know it.
   */
  setLearningRate(rate: number, by: string): ControlReply;
}

/** A photo that somebody gave, segmented with the weights of a step. */
export interface Segmentation {
  /** Weights version that it was computed with. */
  step: Step;
  width: number;
  height: number;
  /** Class of each pixel, row by row; one byte each up to 256 classes, else two, little-endian. */
  classes: Uint8Array;
  /** The photo as the model saw it: RGB, row by row. */
  rgb: Uint8Array;
}

export interface LiveRun {
  readonly runId: string;
  readonly runDir: string;
  readonly term: number;
  readonly config: Config;
  readonly classNames: readonly string[];
  readonly numSteps: number;
  readonly numStepsPerEpoch: number;
  readonly numEpochs: number;
  readonly validationSamples: readonly SampleFacts[];
  readonly evaluations: EvaluationStore;
  readonly controls: RunControls;
  status(): LiveStatus;
  /** From now on; `at` is ISO 8601, UTC. Returns what ends it. A listener must return at once. */
  onEvent(listener: (event: TimedEvent) => void): () => void;
  /** Of each step that is validated, once they are there; made only while somebody listens. Returns what ends it. */
  onGradientHistograms(listener: (histograms: GradientHistograms) => void): () => void;
  /** Tells those who run it that something of theirs is amiss, such as a port that is taken; it goes on. */
  warn(message: string): void;
  /** Ids of the validation photos whose predictions are kept at each evaluation. */
  followed(): readonly string[];
  /** Throws a UserError for more than `maxFollowed` or an unknown id. */
  follow(ids: readonly string[]): void;
  /** Encoded photo in, classes out, computed by a worker between two leaves. Throws a UserError. */
  segment(photo: Uint8Array): Promise<Segmentation>;
}

export { type GradientHistograms, type LiveStatus, maxFollowed, type WorkerFacts };

/** Watches a run from its beginning; `close` is awaited before the run's process ends. */
export type Observer = (run: LiveRun) => Promise<{ close(): Promise<void> }>;
