/**
 * `pnpm simulate`: thousands of schedules held against the invariants; `--seed N` replays one with all that happened;
 * `--mutant NAME` breaks the product on purpose and says after how many seeds that is noticed. Exit code 1 where an
 * invariant did not hold, or a mutant was not noticed.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from '../tools/arguments.ts';
import { mutants } from './mutants.ts';
import { simulateMany } from './pool.ts';
import { simulateRange, type Tally } from './ranges.ts';
import { runScenarios } from './scenario-files.ts';
import { scheduleOf } from './schedules.ts';
import { formatAction } from './script.ts';
import { simulate } from './simulation.ts';

const help = `pnpm simulate [options]
  --seeds N            schedules to simulate (default 2000)
  --first N            the first seed (default 0)
  --threads N          (default: the machine's cores)
  --seed N             replay one schedule with all that happened
  --mutant NAME        break the product on purpose; 'all' for each in turn, up to --seeds schedules
  --scenarios          hold the scenario files against their traces
  --update-scenarios   write the traces of the scenario files anew
  --json               figures as JSON
Mutants:
${mutants.map(({ name, about }) => `  ${name.padEnd(20)} ${about}`).join('\n')}`;

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

const say = (text: string): void => {
  if (!values.json) process.stdout.write(`${text}\n`);
};

function wholeNumber(name: 'seeds' | 'first' | 'threads' | 'seed'): number {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  process.stderr.write(`--${name} takes a whole number, not ${values[name]}\n`);
  process.exit(2);
}

/** A failing schedule for a person: its settings, its script and the end of its course. */
async function explain(seed: number, numLines: number): Promise<boolean> {
  const schedule = scheduleOf(seed);
  const mutant = mutants.find(({ name }) => name === values.mutant) ?? null;
  const verdict = await simulate(schedule, { mutant, traces: true });
  const { violation, lines, traceHash } = verdict;
  say(`\nseed ${seed}: plan ${schedule.planIndex}, ${JSON.stringify(schedule.settings)}`);
  say(`noise ${JSON.stringify(schedule.noise)}`);
  for (const action of schedule.script.toSorted((a, b) => a.atMs - b.atMs)) say(`  ${formatAction(action)}`);
  say(`  at ${schedule.healsAtMs.toFixed(0)} heal`);
  if (lines.length > numLines) say(`... ${lines.length - numLines} lines before`);
  for (const line of lines.slice(-numLines)) say(line);
  say(violation ? `VIOLATED ${violation.invariant}: ${violation.message}` : 'every invariant held');
  say(`trace ${traceHash.toString(16)}; again with: pnpm simulate --seed ${seed}`);
  if (values.json) process.stdout.write(`${JSON.stringify({ seed, violation, traceHash })}\n`);
  return violation === null;
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
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ ...figures, seconds, schedulesPerSecond, failures })}\n`);
  }
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

/** After how many seeds each way to break the product is noticed. */
async function hunt(name: string): Promise<boolean> {
  const wanted = mutants.filter((mutant) => name === 'all' || mutant.name === name);
  if (wanted.length === 0) {
    process.stderr.write(`there is no mutant ${name}: ${mutants.map((mutant) => mutant.name).join(', ')}\n`);
    process.exit(2);
  }
  const first = wholeNumber('first');
  let isCaught = true;
  for (const mutant of wanted) {
    const { numSchedules, failures } = await simulateRange(first, wholeNumber('seeds'), mutant, 1);
    const [failure] = failures;
    if (values.json)
      process.stdout.write(`${JSON.stringify({ mutant: mutant.name, numSchedules, failure })}\n`);
    say(
      failure
        ? `${mutant.name}: noticed after ${numSchedules} seeds (${failure.invariant}: ${failure.message.split('\n')[0]})`
        : `${mutant.name}: NOT noticed in ${numSchedules} seeds`,
    );
    isCaught &&= failure !== undefined;
  }
  return isCaught;
}

async function main(): Promise<boolean> {
  if (values.help) {
    process.stdout.write(`${help}\n`);
    return true;
  }
  if (values.scenarios || values['update-scenarios']) return runScenarios(values['update-scenarios'], say);
  if (values.seed !== undefined) return explain(wholeNumber('seed'), Number.POSITIVE_INFINITY);
  return values.mutant === undefined ? many() : hunt(values.mutant);
}

process.exitCode = (await main()) ? 0 : 1;
