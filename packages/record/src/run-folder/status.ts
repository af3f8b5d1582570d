/**
 * status.json: what the run is doing, who is awaited and why, written about once a second so that anybody who can read
 * the run folder can ask. It is no record: each replaces the one before, and nothing is lost with it.
 */
import { join } from 'node:path';
import { type CoreStatus, printable, type Step, UserError } from '@unet-fleet/law';
import { explained, isErrno, isSystemError, readBounded, writeWholeSync } from '@unet-fleet/shared';
import { z } from 'zod';

const fileName = 'status.json';

/** Times are ISO 8601, UTC. */
export interface RunStatus {
  at: string;
  runId: string;
  term: number;
  pid: number;
  state: CoreStatus['state'];
  step: Step;
  numSteps: number;
  /** Of the newest durable checkpoint; null before the first. */
  checkpoint: { step: Step; at: string } | null;
  workers: { name: string; state: string; lastSeen: string; reason: string }[];
  awaited: {
    who: string;
    what: string;
    why: string;
    since: string;
    until: string | null;
    /** What happens then. */
    outcome: string;
  }[];
}

/** What a worker is and does, as it told with its last heartbeat. */
export interface WorkerFacts {
  /** Name for people, such as local-1. */
  name: string;
  workerId: string;
  host: string;
  pid: number;
  /** Such as "cpu" or the name of a GPU. */
  device: string;
  numThreads: number;
  residentBytes: number;
  /** null where no driver tells. `utilization` from 0 to 1. */
  gpu: { utilization: number; memoryBytes: number; memoryTotalBytes: number } | null;
  /** Over the last steps; 0 before the first. */
  imagesPerSecond: number;
  /** Times that a worker of this name has joined again after a loss. */
  numRestarts: number;
  /** ISO 8601, UTC. */
  lastSeen: string;
  /** Its answers took longest in most of the last steps, by a margin that is no chance. */
  isStraggler: boolean;
}

export interface LiveStatus extends RunStatus {
  facts: WorkerFacts[];
  /** A person has paused the run. */
  isPaused: boolean;
  stopsAfterEpoch: boolean;
}

/** As read from a folder: what workers are and what people asked for is missing where an older version wrote it. */
export type RecordedStatus = RunStatus & Partial<Pick<LiveStatus, 'facts' | 'isPaused' | 'stopsAfterEpoch'>>;

/** Of a thousand workers. */
const maxFileBytes = 2 ** 24;

/** What another program, an older version or half a copy has left is no status; and its texts go to a terminal. */
const shown = z.string().transform((value) => printable(value, 2_000));
const time = z.iso.datetime();
const count = z.number().int().nonnegative();
const figure = z.number().nonnegative();
const factsSchema: z.ZodType<WorkerFacts> = z.object({
  name: shown,
  workerId: shown,
  host: shown,
  pid: count,
  device: shown,
  numThreads: count,
  residentBytes: figure,
  gpu: z.object({ utilization: figure, memoryBytes: figure, memoryTotalBytes: figure }).nullable(),
  imagesPerSecond: figure,
  numRestarts: count,
  lastSeen: time,
  isStraggler: z.boolean(),
});
const statusSchema: z.ZodType<RecordedStatus> = z.object({
  at: time,
  runId: shown,
  term: count,
  pid: count,
  state: shown as unknown as z.ZodType<RunStatus['state']>,
  step: count,
  numSteps: count,
  checkpoint: z.object({ step: count, at: time }).nullable(),
  workers: z.array(z.object({ name: shown, state: shown, lastSeen: time, reason: shown })),
  awaited: z.array(
    z.object({
      who: shown,
      what: shown,
      why: shown,
      since: time,
      until: time.nullable(),
      outcome: shown,
    }),
  ),
  // Beside the point where they can't be read: what the run does is told all the same.
  facts: z.array(factsSchema).optional().catch(undefined),
  isPaused: z.boolean().optional().catch(undefined),
  stopsAfterEpoch: z.boolean().optional().catch(undefined),
});

export interface StatusSource {
  runId: string;
  term: number;
  numSteps: number;
  checkpoint: RunStatus['checkpoint'];
}

/** The core's view with its times on the calendar. `nowMs` is the core's clock, `at` the same moment. */
export function runStatusOf(core: CoreStatus, source: StatusSource, nowMs: number, at: Date): RunStatus {
  const iso = (ms: number) => new Date(at.getTime() + (ms - nowMs)).toISOString();
  return {
    at: at.toISOString(),
    pid: process.pid,
    ...source,
    state: core.state,
    step: core.step,
    workers: core.workers.map(({ name, state, lastSeenMs, reason }) => ({
      name,
      state,
      lastSeen: iso(lastSeenMs),
      reason,
    })),
    awaited: core.awaited.map(({ sinceMs, untilMs, ...words }) => ({
      ...words,
      since: iso(sinceMs),
      until: untilMs === null || !Number.isFinite(untilMs) ? null : iso(untilMs),
    })),
  };
}

/** Replaces the status at once: a reader sees the one before or this one. Throws the system's error. */
export function writeStatus(runDir: string, status: RunStatus): void {
  writeWholeSync(join(runDir, fileName), `${JSON.stringify(status, null, 2)}\n`);
}

/** Throws a UserError when the run has none. */
export function readStatus(runDir: string): RecordedStatus {
  const path = join(runDir, fileName);
  try {
    return statusSchema.parse(JSON.parse(readBounded(path, maxFileBytes).toString('utf8')));
  } catch (error) {
    const isMissing = isErrno(error, 'ENOENT');
    if (!isMissing && isSystemError(error)) throw explained(error, { path });
    const why = isMissing ? 'has no status.json' : 'has no readable status.json';
    throw new UserError(`${runDir} ${why}: name the folder of a run that a coordinator has worked on`);
  }
}

/** A coordinator writes its status once a second. */
const staleMs = 10_000;

/** Of a run that is not this process's own. */
export function stateOf(runDir: string, hasFinished: boolean): 'running' | 'ended' | 'interrupted' {
  if (hasFinished) return 'ended';
  const status = statusOf(runDir);
  if (!status || status.state === 'over') return 'interrupted';
  return Date.now() - Date.parse(status.at) < staleMs ? 'running' : 'interrupted';
}

/** The status in the folder; null where there is none to read. */
export function statusOf(runDir: string): RunStatus | null {
  try {
    return readStatus(runDir);
  } catch {
    return null;
  }
}
