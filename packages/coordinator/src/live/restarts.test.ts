import { expect, it } from 'vitest';
import { Restarts } from './restarts.ts';

const joined = (worker: string) => ({ type: 'worker-joined', worker, numWorkers: 1, numLeaves: 1 }) as const;
const left = (worker: string, reason: string) =>
  ({ type: 'worker-left', worker, reason, numWorkers: 0 }) as const;

it('counts those who came back after a loss, by name', () => {
  const restarts = new Restarts();
  for (const event of [
    joined('local-1'),
    joined('local-2'),
    left('local-1', 'its process has ended'),
    joined('local-1'),
    left('local-1', 'it was silent for 15 s'),
    joined('local-1'),
    left('local-2', 'it was asked to leave'),
    joined('local-2'),
  ]) {
    restarts.event(event);
  }
  expect(restarts.of('local-1')).toBe(2);
  expect(restarts.of('local-2')).toBe(0);
  expect(restarts.of('stranger')).toBe(0);
});

it('remembers a bounded number of names', () => {
  const restarts = new Restarts();
  restarts.event(left('first', 'lost'));
  for (let i = 0; i < 4_096; i++) restarts.event(joined(`worker-${i}`));
  restarts.event(joined('first'));
  expect(restarts.of('first')).toBe(0);
});
