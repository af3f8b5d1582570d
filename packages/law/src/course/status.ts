/** What a run is doing at a moment, and whom it waits for: told to people by status.json, terminal and page. */
import type { Step } from '../plan/version.ts';

export interface Awaited {
  who: string;
  what: string;
  why: string;
  sinceMs: number;
  /** null: as long as it takes. */
  untilMs: number | null;
  /** What happens at that time. */
  outcome: string;
}

export type RunState =
  | 'training'
  | 'validating'
  | 'waiting for workers'
  | 'waiting for the broker'
  | 'paused'
  | 'writing the last checkpoint'
  | 'over';

export type WorkerState = 'computing' | 'idle' | 'cut off' | 'leaving' | 'overtaken' | 'set aside';

export interface CoreStatus {
  state: RunState;
  /** Steps committed. */
  step: Step;
  workers: { name: string; workerId: string; state: WorkerState; lastSeenMs: number; reason: string }[];
  awaited: Awaited[];
  /** A person has paused the run; a step under way is finished first. */
  isPaused: boolean;
  stopsAfterEpoch: boolean;
}
