/** Many schedules in a row: what a thread of the command does, and the tests. */
import type { Mutant } from './cluster.ts';
import { scheduleOf } from './schedules.ts';
import { simulate } from './simulation.ts';
import { addVerdict, emptyTally, type Tally } from './tally.ts';

/** Simulates the seeds [first, first + numSeeds); ends early once `maxFailures` have failed. */
export async function simulateRange(
  first: number,
  numSeeds: number,
  mutant: Mutant | null,
  maxFailures = Number.POSITIVE_INFINITY,
): Promise<Tally> {
  const tally = emptyTally();
  for (let seed = first; seed < first + numSeeds; seed++) {
    addVerdict(tally, seed, await simulate(scheduleOf(seed), { mutant }));
    if (tally.failures.length >= maxFailures) break;
  }
  return tally;
}
