/** What a coordinator is started with, and what it leaves. */
import type { Config, RunEvent } from '@unet-fleet/law';
import type { Observer } from '../live/live-run.ts';
import type { JoinUrls } from './run-broker.ts';

export interface CoordinatorOptions {
  config: Config;
  /** Continue the run of the run folder, from its newest good checkpoint or the one that is named; null: a new run. */
  resume: { checkpoint: string | null } | null;
  /** How long to wait for a broker that is not there yet; 0 unless it is given. */
  brokerPatienceMs?: number;
  /** Told why, before the wait for it; nothing else is told yet. */
  onBrokerWait?(reason: string): void;
  /** Program and arguments that start a worker on this machine; told broker and run by its environment. */
  workerCommand: readonly string[];
  cacheDir: string;
  softwareVersion: string;
  onEvent(event: RunEvent): void;
  /** By which workers and reducers of other machines join; hold secrets, so it is no event. Told once, where there are. */
  onJoinUrls?(urls: JoinUrls): void;
  onScanProgress(numDone: number, numPairs: number): void;
  /** For the log: what the run's events do not say. */
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Asks the run to stop: the step under way is finished and a checkpoint written. */
  signal: AbortSignal;
  /** Who watches and steers the run: told of it once it is there, and closed at its end. */
  observers?: readonly Observer[];
  /** Told once of a function that ends the worker processes at once. */
  onKillable(kill: () => void): void;
}

export interface RunOutcome {
  reason: 'completed' | 'early-stopping' | 'stopped';
  runDir: string;
  step: number;
  weightsSha256: string;
  lastCheckpoint: string;
  bestCheckpoint: string | null;
}
