import { expect, test } from 'vitest';
import type { RunSummary } from '../../../../src/protocol.ts';
import { colourOfRun, defaultChosen, differingOptions, maxCompared, toggledRun } from './compare.ts';

const run = (name: string, step: number, options: Record<string, string> = {}) =>
  ({ name, step, options }) as RunSummary;

test('the live run and the newest that have steps are compared at first', () => {
  const runs = [run('e', 0), run('d', 4), run('c', 4), run('b', 4), run('a', 4), run('live', 0)];
  expect(defaultChosen(runs, 'live')).toEqual(['live', 'd', 'c', 'b']);
  expect(defaultChosen(runs, null)).toEqual(['d', 'c', 'b', 'a']);
});

test('the options that tell runs apart, not those that all have', () => {
  const runs = [
    run('a', 1, { '--seed': '1', '--epochs': '5', '--size': '64x64' }),
    run('b', 1, { '--seed': '2', '--epochs': '5', '--size': '64x64' }),
    run('c', 1, { '--seed': '3', '--epochs': '5', '--dashboard-port': '0' }),
  ];
  expect(differingOptions(runs)).toEqual(['--seed', '--size']);
  expect(differingOptions([])).toEqual([]);
});

test('no run changes its colour when another is taken away or added', () => {
  const without = toggledRun(['a', 'b', 'c'], 'b');
  expect(without.indexOf('c')).toBe(2);
  expect(toggledRun(without, 'd')).toEqual(['a', 'd', 'c']);
  const full = Array.from({ length: maxCompared }, (_, place) => `run ${place}`);
  expect(toggledRun(full, 'one more')).toEqual(full);
});

test('each that is compared has a colour of its own', () => {
  expect(new Set(Array.from({ length: maxCompared }, (_, place) => colourOfRun(place))).size).toBe(
    maxCompared,
  );
});
