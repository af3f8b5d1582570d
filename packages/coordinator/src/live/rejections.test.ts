import { expect, it } from 'vitest';
import { type Rejected, Rejections } from './rejections.ts';

function started() {
  const told: Rejected[] = [];
  return { told, rejections: new Rejections((rejected) => told.push(rejected)) };
}

it('tells the first at once and what follows within ten seconds together', () => {
  const { told, rejections } = started();
  rejections.count('a', 'stale', 0);
  rejections.count('a', 'stale', 1_000, 4);
  rejections.count('a', 'malformed', 2_000);
  rejections.count('b', 'stale', 3_000);
  rejections.flush(9_000);
  rejections.flush(10_000);
  rejections.flush(11_000);
  expect(told).toEqual([
    { worker: 'a', reason: 'stale', count: 1 },
    { worker: 'a', reason: 'malformed', count: 1 },
    { worker: 'b', reason: 'stale', count: 1 },
    { worker: 'a', reason: 'stale', count: 4 },
  ]);
});

it('tells a worker that was quiet for a while at once again', () => {
  const { told, rejections } = started();
  rejections.count('a', 'stale', 0);
  rejections.flush(10_000);
  rejections.count('a', 'stale', 10_001);
  expect(told).toHaveLength(2);
});

it('is not flooded by made-up names, and hears others once those are forgotten', () => {
  const { told, rejections } = started();
  for (let i = 0; i < 5_000; i++) rejections.count(`worker-${i}`, 'malformed', i / 1_000);
  expect(told).toHaveLength(1_024);
  rejections.count('another', 'malformed', 11_000);
  expect(told.at(-1)).toEqual({ worker: 'another', reason: 'malformed', count: 1 });
});
