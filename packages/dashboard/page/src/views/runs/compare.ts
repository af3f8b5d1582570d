/** Which runs are compared at first, how they are told apart, and in which colours. Pure. */
import type { RunSummary } from '../../../../src/protocol.ts';

/** As many lines as can be told apart. */
export const maxCompared = 8;
const numAtFirst = 4;
const maxOptions = 6;

/** The live run and the newest ones that have got anywhere. */
export function defaultChosen(runs: readonly RunSummary[], liveRun: string | null): string[] {
  const others = runs.filter(({ name, step }) => name !== liveRun && step > 0).map(({ name }) => name);
  return [...(liveRun === null ? [] : [liveRun]), ...others].slice(0, numAtFirst);
}

/**
 * Chosen runs, each in the place that gives it its colour; null is a place that is free again, so that no other run
 * changes its colour when one is taken away. One more than there are colours is not taken.
 */
export function toggledRun(chosen: readonly (string | null)[], name: string): (string | null)[] {
  if (chosen.includes(name)) return chosen.map((one) => (one === name ? null : one));
  const free = chosen.indexOf(null);
  if (free >= 0) return chosen.with(free, name);
  return chosen.length < maxCompared ? [...chosen, name] : [...chosen];
}

/** Who watches and where it is written says nothing of how a run was trained. */
const besides = /^--(dashboard|metrics|log|tensorboard|trace)/;

/** Options in which the runs differ, those first that split them most. */
export function differingOptions(runs: readonly RunSummary[]): string[] {
  const names = new Set(runs.flatMap(({ options }) => Object.keys(options)));
  return [...names]
    .filter((name) => !besides.test(name))
    .map((name) => ({ name, num: new Set(runs.map(({ options }) => options[name])).size }))
    .filter(({ num }) => num > 1)
    .sort((a, b) => b.num - a.num || (a.name < b.name ? -1 : 1))
    .slice(0, maxOptions)
    .map(({ name }) => name);
}

/** Okabe and Ito's colours, without black and yellow, which are lost on one ground or the other. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#8c6bb1', '#7f7f7f'];

export const colourOfRun = (place: number): string => colours[place % colours.length]!;
