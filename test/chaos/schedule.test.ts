import { expect, test } from 'vitest';
import { nameOf, planFaults } from './schedule.ts';

const counts = (numKills: number, seed: number): Map<string, number> => {
  const found = new Map<string, number>();
  for (const { fault } of planFaults(numKills, seed)) {
    found.set(nameOf(fault), (found.get(nameOf(fault)) ?? 0) + 1);
  }
  return found;
};

test('a seed gives one order of faults, and another seed another', () => {
  expect(planFaults(20, 7)).toEqual(planFaults(20, 7));
  expect(planFaults(20, 7)).not.toEqual(planFaults(20, 8));
});

test('every kind of fault is among them, and as many kills of each party as were asked for', () => {
  for (const numKills of [1, 50]) {
    const found = counts(numKills, 3);
    for (const party of ['worker', 'coordinator', 'broker']) {
      expect(found.get(`SIGKILL ${party}`)).toBe(numKills);
      expect(found.has(`SIGSTOP ${party} within a lease`)).toBe(true);
      expect(found.has(`SIGSTOP ${party} beyond a lease`)).toBe(true);
    }
    const others = [
      'connection cut',
      'broker unreachable',
      'connection delayed',
      'worker joins',
      'SIGTERM worker',
    ];
    for (const name of others) expect(found.has(name), name).toBe(true);
  }
});

test('processes with reducers are killed and stopped where there are some, and are no party where there are none', () => {
  const named = (hasReducers: boolean) =>
    planFaults(10, 3, hasReducers)
      .map(({ fault }) => nameOf(fault))
      .filter((name) => name.includes('reducer'));
  expect(named(false)).toEqual([]);
  expect(named(true).filter((name) => name === 'SIGKILL reducer')).toHaveLength(10);
  expect(named(true)).toContain('SIGSTOP reducer beyond a lease');
});
