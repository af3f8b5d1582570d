/** Schedules looked at one by one: the course of one of them for a person, and the hunt for what is broken on purpose. */
import { mutants } from './mutants.ts';
import { simulateRange } from './ranges.ts';
import { scheduleOf } from './schedules.ts';
import { formatAction } from './script.ts';
import { simulate } from './simulation.ts';

/** Lines for people, and figures for programs: a command has one of the two. */
export interface Output {
  say(text: string): void;
  tell(figures: object): void;
}

export const mutantsText = mutants.map(({ name, about }) => `  ${name.padEnd(20)} ${about}`).join('\n');

/** A failing schedule for a person: its settings, its script and the end of its course. */
export async function explain(
  seed: number,
  mutantName: string | null,
  numLines: number,
  { say, tell }: Output,
): Promise<boolean> {
  const schedule = scheduleOf(seed);
  const mutant = mutants.find(({ name }) => name === mutantName) ?? null;
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
  tell({ seed, violation, traceHash });
  return violation === null;
}

/** After how many seeds each way to break the product is noticed. */
export async function hunt(
  name: string,
  first: number,
  numSeeds: number,
  { say, tell }: Output,
): Promise<boolean> {
  const wanted = mutants.filter((mutant) => name === 'all' || mutant.name === name);
  if (wanted.length === 0) {
    process.stderr.write(`there is no mutant ${name}: ${mutants.map((mutant) => mutant.name).join(', ')}\n`);
    process.exit(2);
  }
  let isCaught = true;
  for (const mutant of wanted) {
    const { numSchedules, failures } = await simulateRange(first, numSeeds, mutant, 1);
    const [failure] = failures;
    tell({ mutant: mutant.name, numSchedules, failure });
    say(
      failure
        ? `${mutant.name}: noticed after ${numSchedules} seeds (${failure.invariant}: ${failure.message.split('\n')[0]})`
        : `${mutant.name}: NOT noticed in ${numSchedules} seeds`,
    );
    isCaught &&= failure !== undefined;
  }
  return isCaught;
}
