/** What many schedules came to, added up. It loads nothing of the product: who only counts is there at once. */
import type { Verdict } from './simulation.ts';

export interface Tally {
  numSchedules: number;
  numEvents: number;
  numCommits: number;
  numTerms: number;
  virtualMs: number;
  failures: { seed: number; invariant: string; message: string }[];
}

export const emptyTally = (): Tally => ({
  numSchedules: 0,
  numEvents: 0,
  numCommits: 0,
  numTerms: 0,
  virtualMs: 0,
  failures: [],
});

export function addVerdict(tally: Tally, seed: number, verdict: Verdict): void {
  tally.numSchedules++;
  tally.numEvents += verdict.numEvents;
  tally.numCommits += verdict.numCommits;
  tally.numTerms += verdict.numTerms;
  tally.virtualMs += verdict.virtualMs;
  if (verdict.violation) tally.failures.push({ seed, ...verdict.violation });
}

export function addTally(tally: Tally, other: Tally): void {
  tally.numSchedules += other.numSchedules;
  tally.numEvents += other.numEvents;
  tally.numCommits += other.numCommits;
  tally.numTerms += other.numTerms;
  tally.virtualMs += other.virtualMs;
  tally.failures.push(...other.failures);
}
