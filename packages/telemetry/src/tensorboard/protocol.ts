/** What a run's observer hands to the thread that writes TensorBoard's files. */
import type { GradientHistograms, SampleFacts } from '@unet-fleet/coordinator';
import type { DataConfig, RecordedOf } from '@unet-fleet/law';
import type { Hyperparameters } from './plugins.ts';

export interface ThreadOptions {
  runDir: string;
  path: string;
  runName: string;
  startedAtMs: number;
  /** Steps committed when this start began: later ones are made again. */
  numStepsDone: number;
  hyperparameters: Hyperparameters;
  data: DataConfig;
  samples: readonly SampleFacts[];
  classNames: readonly string[];
}

/** Events that something is written of. */
const writtenEvents = ['step', 'validated', 'evaluation-kept', 'checkpoint', 'finished'] as const;
export type WrittenEvent = RecordedOf<(typeof writtenEvents)[number]>;

/** `type`: of any event. */
export const isWritten = (event: { type: string }): event is WrittenEvent =>
  (writtenEvents as readonly string[]).includes(event.type);

export type ThreadMessage =
  | { type: 'event'; event: WrittenEvent }
  | { type: 'gradients'; histograms: GradientHistograms; atMs: number };
