/** The figures of `pnpm bench`, as a table for people or as JSON: each beside its yardstick, with how far turns lie apart. */
import type { Contest, Turn, Unit } from './contests.ts';
import { type Machine, machineText } from './machine.ts';
import { type Spread, spreadOf, spreadText } from './spread.ts';

/** The turns of a contest, by round. */
export interface Played {
  contest: Contest;
  ours: Turn[];
  yardstick: Turn[];
}

export interface Figure {
  contest: string;
  name: string;
  unit: Unit;
  ours: Spread;
  yardstick: Spread | null;
  /** How many times as fast as the yardstick of the same round. */
  ratio: Spread | null;
}

const valuesOf = (turns: readonly Turn[], name: string): number[] =>
  turns.flatMap(({ figures }) => figures.filter((figure) => figure.name === name).map(({ value }) => value));

export function figuresOf({ contest, ours, yardstick }: Played): Figure[] {
  return (ours[0]?.figures ?? []).map(({ name, unit }) => {
    const [own, theirs] = [valuesOf(ours, name), valuesOf(yardstick, name)];
    const ratios = theirs.map((value, round) => (unit === 'ms' ? value / own[round]! : own[round]! / value));
    return {
      ...{ contest: contest.name, name, unit, ours: spreadOf(own) },
      yardstick: theirs.length > 0 ? spreadOf(theirs) : null,
      ratio: ratios.length > 0 ? spreadOf(ratios) : null,
    };
  });
}

const peakOf = (turns: readonly Turn[]): number | null => {
  const known = turns.flatMap(({ peakMb }) => peakMb ?? []);
  return known.length > 0 ? Math.max(...known) : null;
};

/** The turn in the middle stands for its parts, so that they add up. */
const typicalStep = (turns: readonly Turn[]): Turn['step'] =>
  turns
    .flatMap(({ step }) => step ?? [])
    .sort((a, b) => a.stepMs - b.stepMs)
    .at(Math.floor((turns.length - 1) / 2));

export const reportAsJson = (machine: Machine, numRounds: number, played: readonly Played[]) => ({
  ...{ machine, numRounds },
  contests: played.map((one) => ({
    ...{ name: one.contest.name, about: one.contest.about, figures: figuresOf(one) },
    ...{ peakMb: peakOf(one.ours), yardstickPeakMb: peakOf(one.yardstick) },
    step: typicalStep(one.ours) ?? null,
  })),
});

export function reportAsText(machine: Machine, numRounds: number, played: readonly Played[]): string {
  const head = `${machineText(machine)}\nmedians of ${numRounds} ${numRounds === 1 ? 'round' : 'rounds'}, and in brackets the least and the most; ratio: times as fast as the yardstick`;
  return [head, ...played.map(contestText)].join('\n\n');
}

function contestText(played: Played): string {
  const { contest, ours, yardstick } = played;
  const lines = [`${contest.name}: ${contest.about}`];
  for (const figure of figuresOf(played)) {
    lines.push(`  ${figure.name.padEnd(18)}${spreadText(figure.ours)} ${figure.unit}`);
    if (!figure.yardstick || !figure.ratio) continue;
    lines.push(`  ${'  yardstick'.padEnd(18)}${spreadText(figure.yardstick)} ${figure.unit}`);
    lines.push(`  ${'  ratio'.padEnd(18)}${spreadText(figure.ratio)}`);
  }
  const [peak, theirs] = [peakOf(ours), peakOf(yardstick)];
  if (peak !== null) {
    const beside = theirs === null ? '' : `, the yardstick's ${theirs.toFixed(0)} MB`;
    lines.push(`  ${'peak memory'.padEnd(18)}${peak.toFixed(0)} MB a process${beside}`);
  }
  const step = typicalStep(ours);
  if (step) lines.push(...partsOf(step));
  return lines.join('\n');
}

/** Where the time of a step goes. */
function partsOf({ stepMs, timings }: NonNullable<Turn['step']>): string[] {
  const { dataMs, computeMs, sendMs, reduceMs, optimizeMs, fetchMs } = timings;
  const named = { data: dataMs, compute: computeMs, send: sendMs, reduce: reduceMs };
  const parts = { ...named, optimize: optimizeMs, fetch: fetchMs };
  const known = Object.values(parts).reduce((sum, ms) => sum + ms, 0);
  const shown = Object.entries({ ...parts, rest: stepMs - known, step: stepMs });
  return [
    `  ${'ms of a step'.padEnd(18)}${shown.map(([name, ms]) => `${name} ${ms.toFixed(0)}`).join(', ')}`,
  ];
}
