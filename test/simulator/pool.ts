/** Many seeds over several threads. A thread gets the next range when it has finished one. */
import { setFlagsFromString } from 'node:v8';
import { Thread } from '@unet-fleet/shared/threads';
import type { Mutant } from './cluster.ts';
import { addTally, emptyTally, type Tally } from './tally.ts';
import type { RangeFunctions } from './thread.ts';

/** Small enough that all threads end at about the same time. */
const seedsPerRange = 50;
/** Done before a thread has loaded what it needs. */
const fewSeeds = 500;
/** Where more seeds would tell nothing new. */
const maxFailures = 20;
/** A schedule leaves much that dies young; with the small default, the collector takes a sixth of the time. */
const youngMegabytes = 64;
/** It runs thousands of functions, few of them often: compiled at once, if not well, they are ahead of the interpreter. */
const compilesAtOnce = '--always-sparkplug';

export interface PoolOptions {
  first: number;
  numSeeds: number;
  numThreads: number;
  mutant: Mutant | null;
  onProgress(tally: Tally): void;
}

export async function simulateMany(options: PoolOptions): Promise<Tally> {
  setFlagsFromString(compilesAtOnce);
  const tally = emptyTally();
  const end = options.first + options.numSeeds;
  let next = options.first;
  /** The next range; null when there is no more to do. */
  const take = (): { first: number; numSeeds: number } | null => {
    if (next >= end || tally.failures.length >= maxFailures) return null;
    const first = next;
    next = Math.min(end, first + seedsPerRange);
    return { first, numSeeds: next - first };
  };
  const add = (part: Tally) => {
    addTally(tally, part);
    options.onProgress(tally);
  };
  if (options.numSeeds <= fewSeeds) {
    const { simulateRange } = await import('./ranges.ts');
    for (let range = take(); range; range = take()) {
      add(await simulateRange(range.first, range.numSeeds, options.mutant, maxFailures));
    }
  } else {
    await Promise.all(
      Array.from({ length: Math.max(1, options.numThreads) }, () => runThread(options.mutant, take, add)),
    );
  }
  tally.failures.sort((a, b) => a.seed - b.seed);
  return tally;
}

async function runThread(
  mutant: Mutant | null,
  take: () => { first: number; numSeeds: number } | null,
  add: (part: Tally) => void,
): Promise<void> {
  const thread = new Thread<RangeFunctions>(new URL('./thread.js', import.meta.url), {
    name: 'a thread of the simulator',
    resourceLimits: { maxYoungGenerationSizeMb: youngMegabytes },
  });
  try {
    for (let range = take(); range; range = take()) {
      add(await thread.call('simulate', [range.first, range.numSeeds, mutant?.name ?? null]));
    }
  } finally {
    await thread.close();
  }
}
