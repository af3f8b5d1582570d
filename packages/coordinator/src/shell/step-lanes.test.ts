import type { TreeNode } from '@unet-fleet/law';
import type { WorkerTimings } from '@unet-fleet/wire';
import { expect, it } from 'vitest';
import { type LaneOfWorker, StepLanes, toldLanes } from './step-lanes.ts';

const sums = { lossSum: 1, weightSum: 1, gradientNorm: 1, isFinite: true };
const answer = (workerId: string, node: TreeNode, numLeaves: number, arrivedMs: number) => ({
  workerId,
  worker: `name of ${workerId}`,
  node,
  arrivedMs,
  leaves: Array.from({ length: numLeaves }, () => sums),
});
const timings = (computeMs: number) => ({ fetchMs: 1, dataMs: 2, computeMs, sendMs: 3 });
const leaf = (index: number): TreeNode => ({ level: 0, index });
const said = (version: number, node: TreeNode, timings: WorkerTimings, kind: 'sums' | 'train' = 'train') => ({
  kind,
  version,
  node,
  timings,
});

it('joins the answers of a worker to one lane, from its first lease to its last answer', () => {
  const lanes = new StepLanes();
  lanes.leased('a', 4, 1_010);
  lanes.leased('b', 4, 1_020);
  lanes.leased('a', 4, 1_200);
  lanes.answered('a', said(4, { level: 1, index: 0 }, timings(100)));
  lanes.answered('a', said(4, leaf(3), timings(50)));
  lanes.answered('b', said(4, leaf(2), timings(70)));
  const answers = [
    answer('a', { level: 1, index: 0 }, 2, 150),
    answer('b', leaf(2), 1, 120),
    answer('a', leaf(3), 1, 260),
  ];
  expect(lanes.of({ durationMs: 300, answers }, 1_300)).toEqual([
    {
      workerId: 'a',
      worker: 'name of a',
      numLeaves: 3,
      startMs: 10,
      endMs: 260,
      fetchMs: 2,
      dataMs: 4,
      computeMs: 150,
      sendMs: 6,
    },
    {
      workerId: 'b',
      worker: 'name of b',
      numLeaves: 1,
      startMs: 20,
      endMs: 120,
      fetchMs: 1,
      dataMs: 2,
      computeMs: 70,
      sendMs: 3,
    },
  ]);
});

it('counts an answer that is sent again once, and none of another step or one that did not count', () => {
  const lanes = new StepLanes();
  lanes.leased('a', 4, 0);
  lanes.answered('a', said(4, leaf(0), timings(10)));
  lanes.leased('a', 5, 100);
  lanes.answered('a', said(4, leaf(0), timings(10)));
  lanes.answered('a', said(5, leaf(0), timings(20)));
  lanes.answered('a', said(5, leaf(0), timings(20)));
  lanes.answered('twin', said(5, leaf(0), timings(99)));
  const [lane, ...others] = lanes.of({ durationMs: 100, answers: [answer('a', leaf(0), 1, 90)] }, 200);
  expect(lane).toMatchObject({ startMs: 0, computeMs: 20, endMs: 90 });
  expect(others).toEqual([]);
});

it('counts what the first pass of a step took, of those who computed its gradients', () => {
  const lanes = new StepLanes();
  lanes.leased('a', 4, 10);
  for (const who of ['a', 'b']) lanes.answered(who, said(4, leaf(0), timings(7), 'sums'));
  lanes.answered('a', said(4, leaf(0), timings(20)));
  const firstPass = {
    ...{ totals: [], skippedLeaves: [] },
    answers: [answer('a', leaf(0), 1, 20), answer('b', leaf(0), 1, 20)],
  };
  const answers = [answer('a', leaf(0), 1, 90)];
  expect(lanes.of({ durationMs: 100, answers, firstPass }, 100)).toMatchObject([
    { workerId: 'a', numLeaves: 1, computeMs: 27, fetchMs: 2, endMs: 90 },
  ]);
});

it('keeps a bounded number of timings, whatever nodes a worker names', () => {
  const lanes = new StepLanes();
  lanes.leased('a', 1, 0);
  for (let index = 0; index < 20_000; index++) lanes.answered('a', said(1, leaf(index), timings(1)));
  const answers = [answer('a', leaf(0), 1, 10), answer('a', leaf(19_999), 1, 20)];
  expect(lanes.of({ durationMs: 20, answers }, 20)[0]).toMatchObject({ numLeaves: 2, computeMs: 1 });
});

it('tells the lanes that ended last where there are very many, rounded and without ids', () => {
  const lanes = Array.from({ length: 300 }, (_, i) => ({
    workerId: `id-${i}`,
    worker: `worker-${i}`,
    numLeaves: 1,
    startMs: 0.123456,
    endMs: i,
    ...timings(1.23456),
  })) satisfies LaneOfWorker[];
  const told = toldLanes(lanes);
  expect(told).toHaveLength(256);
  expect(told.map(({ endMs }) => endMs)).not.toContain(43);
  expect(told[0]).toEqual({
    worker: 'worker-299',
    numLeaves: 1,
    startMs: 0.12,
    endMs: 299,
    ...timings(1.23),
  });
  expect(toldLanes(lanes.slice(0, 2)).map(({ worker }) => worker)).toEqual(['worker-0', 'worker-1']);
});
