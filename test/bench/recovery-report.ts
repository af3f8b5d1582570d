/** The figures of `pnpm bench:recovery`: medians and tails, as tables or as JSON. */
import { median } from './spread.ts';

export interface Recovery {
  numWorkers: number;
  /** Times of undisturbed steps with all workers. */
  calmMs: number[];
  workerKills: {
    /** From SIGKILL to the next commit. */
    recoveryMs: number;
  }[];
  coordinatorKills: {
    /** From SIGKILL to its successor's first event. */
    startMs: number;
    /** From there to the first worker that has joined. */
    rejoinMs: number;
    /** Steps that had been committed before, made again. */
    redoneMs: number;
    numRedone: number;
    /** The first step that is new. */
    stepMs: number;
    /** All of these together. */
    newCommitMs: number;
  }[];
}

interface Spread {
  median: number;
  p90: number;
  max: number;
}

export function printRecovery(recovery: Recovery, asJson: boolean): void {
  const { numWorkers, calmMs, workerKills, coordinatorKills } = recovery;
  const stepMs = median(calmMs);
  const worker = {
    num: workerKills.length,
    recoveryMs: spreadOf(workerKills.map((kill) => kill.recoveryMs)),
    steps: spreadOf(workerKills.map((kill) => kill.recoveryMs / stepMs)),
  };
  const of = (part: keyof Recovery['coordinatorKills'][number]) =>
    spreadOf(coordinatorKills.map((kill) => kill[part]));
  const coordinator = coordinatorKills.length > 0 && {
    num: coordinatorKills.length,
    startMs: of('startMs'),
    rejoinMs: of('rejoinMs'),
    redoneMs: of('redoneMs'),
    numRedone: of('numRedone'),
    stepMs: of('stepMs'),
    newCommitMs: of('newCommitMs'),
  };
  const figures = { numWorkers, undisturbedStepMs: spreadOf(calmMs), numCalmSteps: calmMs.length };
  if (asJson) {
    console.log(JSON.stringify({ ...figures, worker, coordinator }, null, 2));
    return;
  }
  console.log(`\n${numWorkers} workers, undisturbed step ${text(figures.undisturbedStepMs, ' ms')}`);
  console.log(`SIGKILL of a worker (${worker.num} times), to the next commit`);
  console.log(`  in steps        ${text(worker.steps, '', 2)}`);
  console.log(`  in time         ${text(worker.recoveryMs, ' ms')}`);
  if (!coordinator) return;
  console.log(`SIGKILL of the coordinator (${coordinator.num} times), to the next new commit`);
  console.log(`  altogether      ${text(coordinator.newCommitMs, ' ms')}`);
  console.log(`  start           ${text(coordinator.startMs, ' ms')}`);
  console.log(`  a worker is back${text(coordinator.rejoinMs, ' ms')}`);
  console.log(`  redone steps    ${text(coordinator.redoneMs, ' ms')}`);
  console.log(`  how many        ${text(coordinator.numRedone, '')}`);
  console.log(`  the new step    ${text(coordinator.stepMs, ' ms')}`);
}

function spreadOf(values: number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const p90 = sorted[Math.min(sorted.length - 1, Math.ceil(0.9 * sorted.length) - 1)]!;
  return { median: median(sorted), p90, max: sorted.at(-1)! };
}

const text = ({ median: middle, p90, max }: Spread, unit: string, digits = 0): string =>
  `  median ${middle.toFixed(digits)}${unit}, p90 ${p90.toFixed(digits)}${unit}, max ${max.toFixed(digits)}${unit}`;
