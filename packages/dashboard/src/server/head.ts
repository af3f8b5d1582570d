/** The head of the page: the run's state as its core tells it, with what its course so far adds. Pure. */
import type { LiveStatus } from '@unet-fleet/coordinator';
import { duration } from '@unet-fleet/law';
import { bestOf } from '@unet-fleet/record';
import type { DrawnCourse } from '../history/run-history.ts';
import type { Status } from '../protocol.ts';

/** What is awaited for less than this is a step's ordinary course. */
const unusualMs = 5_000;
/** Steps that a speed is averaged over. */
const speedWindow = 20;
const maxReasons = 8;

export interface Plan {
  numStepsPerEpoch: number;
  numEpochs: number;
}

export function headOf(
  live: LiveStatus,
  course: Readonly<DrawnCourse>,
  plan: Plan,
  stepsPerMs: number | null,
): Status {
  const { at, state, awaited, step, numSteps, checkpoint, isPaused, stopsAfterEpoch } = live;
  const isOver = state === 'over' || step >= numSteps;
  return {
    at,
    state,
    reasons: reasonsOf(live),
    awaited,
    epoch: Math.min(plan.numEpochs, Math.floor(step / plan.numStepsPerEpoch) + 1),
    numEpochs: plan.numEpochs,
    step,
    numSteps,
    imagesPerSecond: imagesPerSecond(course),
    timeLeftMs: isOver || stepsPerMs === null ? null : (numSteps - step) / stepsPerMs,
    checkpoint,
    best: bestOf(course),
    isPaused,
    stopsAfterEpoch,
    learningRate: course.curves.learningRate.at(-1)?.[1] ?? null,
    workers: live.workers.map((worker) => rowOf(worker, live)),
  };
}

/** Why the run waits. */
function reasonsOf({ at, state, awaited }: LiveStatus): string[] {
  const sinceMs = (since: string) => Date.parse(at) - Date.parse(since);
  const isAtWork = state === 'training' || state === 'validating';
  return awaited
    .filter(({ since }) => !isAtWork || sinceMs(since) > unusualMs)
    .slice(0, maxReasons)
    .map(({ who, what, why, since, until, outcome }) => {
      const limit = until === null ? '' : `, for another ${duration(Date.parse(until) - Date.parse(at))}`;
      return `waiting for ${duration(sinceMs(since))} for ${who}: ${what} (${why})${limit}; then ${outcome}`;
    });
}

/** Of the last steps: their mean, so that pauses between them do not count. */
function imagesPerSecond({ curves }: Readonly<DrawnCourse>): number {
  const speeds = curves.imagesPerSecond.slice(-speedWindow).flatMap(([, speed]) => speed ?? []);
  return speeds.length === 0 ? 0 : speeds.reduce((sum, speed) => sum + speed, 0) / speeds.length;
}

function rowOf(
  { name, state, lastSeen, reason }: LiveStatus['workers'][number],
  { facts }: LiveStatus,
): Status['workers'][number] {
  const own = facts.find((fact) => fact.name === name);
  return {
    name,
    state,
    reason,
    host: own?.host ?? '',
    device: own?.device ?? '',
    numThreads: own?.numThreads ?? 0,
    imagesPerSecond: own?.imagesPerSecond ?? 0,
    residentBytes: own?.residentBytes ?? 0,
    gpu: own?.gpu ?? null,
    lastSeen,
    numRestarts: own?.numRestarts ?? 0,
    isStraggler: own?.isStraggler ?? false,
  };
}

/**
 * Steps per ms of the last minutes, validations and waits included: what is left will have them too.
 */
export class Pace {
  #recent: { step: number; atMs: number }[] = [];

  /** A run that begins again from an earlier step begins a new count. */
  add(step: number, atMs: number): void {
    const last = this.#recent.at(-1);
    if (last && step <= last.step) this.#recent = [];
    this.#recent.push({ step, atMs });
    // The window, and a tenth more so that not each step moves all.
    if (this.#recent.length > maxPaceSteps * 1.1) this.#recent.splice(0, this.#recent.length - maxPaceSteps);
  }

  clear(): void {
    this.#recent = [];
  }

  /** null before there are enough steps. */
  stepsPerMs(): number | null {
    const [first, last] = [this.#recent[0], this.#recent.at(-1)];
    if (!first || !last || this.#recent.length < minPaceSteps || last.atMs <= first.atMs) return null;
    return (last.step - first.step) / (last.atMs - first.atMs);
  }
}

const maxPaceSteps = 1_000;
const minPaceSteps = 3;
