/** What a report is made of. gather.ts finds it in a run folder; the sections turn it into HTML. */

import type { Intervention } from '@unet-fleet/law';
import type { Evaluation, LedgerSummary, Manifest, RunFolder } from '@unet-fleet/record';
import type { History } from '../protocol.ts';
import type { Course } from './course.ts';

/** A picture within the page. */
export interface Picture {
  /** data: URI. */
  source: string;
  width: number;
  height: number;
  /** Of masks: its pixels are shown as they are, however large. */
  isExact: boolean;
}

/** A followed photo at one evaluation. null where the data is not at hand or the prediction was not kept. */
export interface PhotoRow {
  sampleId: string;
  photo: Picture | null;
  truth: Picture | null;
  prediction: Picture | null;
  error: Picture | null;
  /** Share of its counted pixels that are right. */
  accuracy: number | null;
}

/** One photo's prediction over the evaluations. */
export interface Progress {
  sampleId: string;
  steps: { step: number; meanIou: number | null; prediction: Picture }[];
}

export interface Masks {
  step: number;
  rows: PhotoRow[];
  progress: Progress[];
  /** Classes that occur in what is shown, rising. */
  labels: number[];
  /** Some of its pixels do not count. */
  hasIgnored: boolean;
  /** Why photos and truth are missing, one sentence; '' where they are not. */
  withoutPhotos: string;
}

export interface Report {
  /** Of the folder. */
  name: string;
  /** Of unet-fleet. */
  version: string;
  /** ISO 8601, UTC. */
  madeAt: string;
  folder: RunFolder;
  history: History;
  course: Course;
  /** Its coordinator was heard of just now. */
  isRunning: boolean;
  /** The evaluation that scores and matrix are of. */
  evaluation: Evaluation | null;
  masks: Masks | null;
  ledger: LedgerSummary | null;
  /** Learning rates that people set while it went on. */
  interventions: readonly Intervention[];
  /** Of the newest checkpoint that can be read. */
  checkpoint: Pick<Manifest, 'step' | 'weightsSha256' | 'engines'> | null;
  /** Lines of metrics.jsonl that could not be read. */
  numDamagedLines: number;
  /** What the report lacks and why, a sentence each. */
  missing: string[];
}
