/**
 * What the live page and its server say to each other, over HTTP and one WebSocket. Types alone: the page imports them
 * too, so nothing of Node may be here.
 *
 *   GET  api/session                               Session
 *   GET  api/runs                                  RunSummary[]
 *   GET  api/runs/<name>/history                   History
 *   GET  api/runs/<name>/evaluations/<step>        Evaluation (of the coordinator's live/evaluations.ts)
 *   GET  api/runs/<name>/evaluations/<step>/<n>    classes of the n-th followed photo, Content-Encoding: deflate
 *   GET  api/runs/<name>/samples/<sample id>/photo the photo at training size, JPEG
 *   GET  api/runs/<name>/samples/<sample id>/truth the mask at training size: classes as above, Content-Encoding: deflate;
 *                                                  headers X-Width, X-Height, X-Bytes-Per-Pixel; the ignored class is the
 *                                                  highest value of the type
 *   GET  api/runs/<name>/log                       LogLine[], the last 2,000
 *   POST api/segment                               an encoded photo -> application/octet-stream: JSON header of SegmentHeader
 *                                                  as one line, '\n', then RGB, then classes
 *   WS   live                                      ServerMessage down, ClientMessage up
 *
 * A token is sent as `Authorization: Bearer <token>` and, for the WebSocket, as the subprotocol `token.<token>` beside
 * `unet-fleet.1`. Errors are JSON: { "error": "one sentence" }.
 */

import type { WorkerLane } from '@unet-fleet/law';
import type { CurveName } from '@unet-fleet/pictures/models/course-charts';
import type { Point, RunCourse, ShownEvent, StepLanes } from '@unet-fleet/record/course';

export type { Point, ShownEvent, StepLanes };

export interface Session {
  /** Name of the run that is live here; null where folders are looked at without a coordinator. */
  liveRun: string | null;
  /** The token given may change the run. */
  canControl: boolean;
  version: string;
}

export interface RunSummary {
  /** Folder name: what the paths above take. */
  name: string;
  runId: string;
  /** live: this coordinator's; running: its status is fresh; ended: it said so; interrupted: neither. */
  state: 'live' | 'running' | 'ended' | 'interrupted';
  startedAt: string | null;
  step: number;
  numSteps: number;
  numClasses: number;
  bestLoss: number | null;
  bestMeanIou: number | null;
  /** Options that differ from their defaults, as on the command line, without paths. */
  options: Record<string, string>;
}

export type Lane = WorkerLane;

/** A line of the run's log. */
export interface LogLine {
  at: string;
  level: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  /** The message, then its fields as `name=value`. */
  text: string;
}

/** All that a page needs to draw a run; long runs are thinned to `maxPoints` a curve, by smallest and largest value. */
export interface History extends Pick<RunCourse, 'restarts' | 'checkpoints' | 'learningRateChanges'> {
  name: string;
  runId: string;
  config: Record<string, unknown>;
  classNames: string[];
  /** CSS colours, by class. */
  classColours: string[];
  ignoreIndex: number;
  numSteps: number;
  numStepsPerEpoch: number;
  curves: Record<CurveName, Point[]> & {
    /** By class. */
    classIou: Point[][];
  };
  evaluatedSteps: number[];
  validationIds: string[];
  followed: string[];
  events: ShownEvent[];
  /** The last 60. */
  lanes: StepLanes[];
  best: RunCourse['bests'][number] | null;
}

export const maxPoints = 2_000;

export interface WorkerRow {
  name: string;
  state: string;
  reason: string;
  host: string;
  device: string;
  numThreads: number;
  imagesPerSecond: number;
  residentBytes: number;
  gpu: { utilization: number; memoryBytes: number; memoryTotalBytes: number } | null;
  lastSeen: string;
  numRestarts: number;
  isStraggler: boolean;
}

/** The head of the page, sent about twice a second. */
export interface Status {
  at: string;
  state: string;
  /** Why it waits, one sentence each; [] while nothing is unusual. */
  reasons: string[];
  awaited: { who: string; what: string; why: string; since: string; until: string | null; outcome: string }[];
  epoch: number;
  numEpochs: number;
  step: number;
  numSteps: number;
  imagesPerSecond: number;
  /** ms; null before enough steps. */
  timeLeftMs: number | null;
  checkpoint: { step: number; at: string } | null;
  best: { step: number; loss: number; meanIou: number } | null;
  isPaused: boolean;
  stopsAfterEpoch: boolean;
  learningRate: number | null;
  workers: WorkerRow[];
}

/** New points of curves, as they come. */
export type CurvePoints = Partial<Record<CurveName, Point[]>> & {
  classIou?: (number | null)[];
  classIouStep?: number;
};

export type ServerMessage =
  | { type: 'hello'; runName: string; canControl: boolean; lastEventId: number }
  | { type: 'status'; status: Status }
  /** What happened since the message before; a page that was too slow gets `type: 'behind'` and loads the history anew. */
  | { type: 'update'; curves: CurvePoints; events: ShownEvent[]; lanes: StepLanes[] }
  | { type: 'evaluated'; step: number }
  | { type: 'checkpoint'; step: number; at: string; isBest: boolean }
  /** Somebody has chosen which photos are followed. */
  | { type: 'followed'; ids: string[] }
  | { type: 'behind' }
  | { type: 'reply'; id: number; ok: boolean; message: string };

export type ControlAction =
  | { action: 'pause' }
  | { action: 'resume' }
  | { action: 'checkpoint' }
  | { action: 'drain'; worker: string }
  | { action: 'stop-after-epoch'; isWanted: boolean }
  | { action: 'learning-rate'; rate: number }
  /** For all who watch: these photos' predictions are kept from now on. */
  | { action: 'follow'; ids: string[] };

/** `id` comes back in the reply. */
export type ClientMessage = { type: 'control'; id: number } & ControlAction;

export interface SegmentHeader {
  step: number;
  width: number;
  height: number;
  bytesPerPixel: 1 | 2;
}
