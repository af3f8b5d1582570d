import { expect, test } from 'vitest';
import { nameOf, planDisturbances } from './disturbances.ts';

test('the same seed gives the same plan, another one another', () => {
  expect(planDisturbances(36, 3, 5)).toEqual(planDisturbances(36, 3, 5));
  expect(planDisturbances(36, 3, 6)).not.toEqual(planDisturbances(36, 3, 5));
});

test('a plan of thirty has every kind, and as many as were asked for', () => {
  const rounds = planDisturbances(30, 3, 1);
  expect(rounds.map((round) => round.length)).toEqual([10, 10, 10]);
  const names = new Set(
    planDisturbances(36, 3, 1).flatMap((round) => round.map((one) => nameOf(one.disturbance))),
  );
  expect([...names].sort()).toEqual([
    'cut off coordinator',
    'cut off worker',
    'delete coordinator',
    'delete nats',
    'delete worker',
    'evict coordinator',
    'evict worker',
    'preempt coordinator',
    'preempt worker',
    'scale down',
    'scale up',
  ]);
});

test('no round ends the coordinator more than twice: its Job waits twice as long after each end', () => {
  for (const round of planDisturbances(36, 3, 1)) {
    const ends = round.filter((one) => nameOf(one.disturbance).endsWith('coordinator'));
    expect(ends).toHaveLength(2);
  }
});
