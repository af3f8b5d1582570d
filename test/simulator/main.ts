/**
 * `pnpm simulate`: thousands of schedules held against the invariants; `--seed N` replays one with all that happened;
 * `--mutant NAME` breaks the product on purpose and says after how many seeds that is noticed. Exit code 1 where an
 * invariant did not hold, or a mutant was not noticed.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from '../tools/arguments.ts';
import type { Output } from './closely.ts';
import { simulateMany } from './pool.ts';
import type { Tally } from './tally.ts';

const usage = `pnpm simulate [options]
  --seeds N            schedules to simulate (default 2000)
  --first N            the first seed (default 0)
  --threads N          (default: the machine's cores)
  --seed N             replay one schedule with all that happened
  --mutant NAME        break the product on purpose; 'all' for each in turn, up to --seeds schedules
  --scenarios          hold the scenario files against their traces
  --update-scenarios   write the traces of the scenario files anew
  --json               figures as JSON
Mutants:`;

/** What simulates, loaded where this thread does so itself: of many seeds the threads do. */
const closely = () => import('./closely.ts');

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '2000' },
    first: { type: 'string', default: '0' },
    threads: { type: 'string', default: String(availableParallelism()) },
    seed: { type: 'string' },
    mutant: { type: 'string' },
    scenarios: { type: 'boolean', default: false },
    'update-scenarios': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const out: Output = {
  say: (text) => {
    if (!values.json) process.stdout.write(`${text}\n`);
  },
  tell: (figures) => {
    if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
  },
};
const { say } = out;

function wholeNumber(name: 'seeds' | 'first' | 'threads' | 'seed'): number {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  process.stderr.write(`--${name} takes a whole number, not ${values[name]}\n`);
  process.exit(2);
}

async function explain(seed: number, numLines: number): Promise<boolean> {
  const { explain } = await closely();
  return explain(seed, values.mutant ?? null, numLines, out);
}

async function many(): Promise<boolean> {
  const numSeeds = wholeNumber('seeds');
  const startMs = performance.now();
  let saidMs = startMs;
  let numFailuresSaid = 0;
  const rate = (tally: Tally) => (tally.numSchedules / (performance.now() - startMs)) * 1000;
  const tally = await simulateMany({
    first: wholeNumber('first'),
    numSeeds,
    numThreads: wholeNumber('threads'),
    mutant: null,
    onProgress: (part) => {
      for (const { seed, invariant } of part.failures.slice(numFailuresSaid)) {
        say(`seed ${seed} VIOLATED ${invariant}`);
      }
      numFailuresSaid = part.failures.length;
      if (performance.now() - saidMs < 5_000) return;
      saidMs = performance.now();
      say(
        `${part.numSchedules} of ${numSeeds}, ${rate(part).toFixed(0)} per second, ${part.failures.length} failed`,
      );
    },
  });
  const seconds = (performance.now() - startMs) / 1000;
  const { failures, ...figures } = tally;
  const schedulesPerSecond = tally.numSchedules / seconds;
  out.tell({ ...figures, seconds, schedulesPerSecond, failures });
  for (const { seed } of failures.slice(0, 3)) await explain(seed, 60);
  for (const { seed, invariant, message } of failures) say(`seed ${seed} VIOLATED ${invariant}: ${message}`);
  say(
    `${tally.numSchedules} schedules in ${seconds.toFixed(1)} s, ${schedulesPerSecond.toFixed(0)} per second: ` +
      `${tally.numEvents} events, ${tally.numCommits} commits, ${tally.numTerms} starts of a coordinator, ` +
      `${(tally.virtualMs / 3_600_000).toFixed(0)} simulated hours; ` +
      (failures.length === 0 ? 'every invariant held' : `${failures.length} FAILED`),
  );
  return failures.length === 0;
}

async function main(): Promise<boolean> {
  if (values.help) {
    const { mutantsText } = await closely();
    process.stdout.write(`${usage}\n${mutantsText}\n`);
    return true;
  }
  if (values.scenarios || values['update-scenarios']) {
    const { runScenarios } = await import('./scenario-files.ts');
    return runScenarios(values['update-scenarios'], say);
  }
  if (values.seed !== undefined) return explain(wholeNumber('seed'), Number.POSITIVE_INFINITY);
  if (values.mutant === undefined) return many();
  const { hunt } = await closely();
  return hunt(values.mutant, wholeNumber('first'), wholeNumber('seeds'), out);
}

process.exitCode = (await main()) ? 0 : 1;
