import { expect, test } from 'vitest';
import type { Lane, StepLanes } from '../../../../src/protocol.ts';
import {
  coordinatorBoxes,
  durationsOf,
  hit,
  inWords,
  laneBoxes,
  layoutTimeline,
  meanDurations,
  rowHeight,
  waitsInWords,
} from './lane-layout.ts';

const lane = (worker: string, changes: Partial<Lane> = {}): Lane => ({
  worker,
  numLeaves: 2,
  startMs: 10,
  endMs: 90,
  fetchMs: 10,
  dataMs: 0,
  computeMs: 50,
  sendMs: 10,
  ...changes,
});

const step = (number: number, lanes: Lane[], stepMs = 100): StepLanes => ({
  step: number,
  at: '2026-01-01T00:00:00.000Z',
  stepMs,
  reduceMs: 8,
  optimizeMs: 2,
  lanes,
});

test('covers a step without gap or overlap, waiting before and after', () => {
  const boxes = laneBoxes(lane('w'), 100);
  expect(boxes.map(({ part }) => part)).toEqual(['wait', 'fetch', 'compute', 'send', 'wait']);
  expect(boxes[0]!.fromMs).toBe(0);
  expect(boxes.at(-1)!.toMs).toBe(100);
  for (let at = 1; at < boxes.length; at++) expect(boxes[at]!.fromMs).toBe(boxes[at - 1]!.toMs);
});

test('squeezes parts that ran beside each other into the span they lie in', () => {
  const boxes = laneBoxes(lane('w', { startMs: 0, endMs: 60, computeMs: 60, fetchMs: 0, sendMs: 60 }), 80);
  expect(boxes).toEqual([
    { part: 'compute', fromMs: 0, toMs: 30 },
    { part: 'send', fromMs: 30, toMs: 60 },
    { part: 'wait', fromMs: 60, toMs: 80 },
  ]);
  expect(durationsOf(lane('w', { computeMs: 60, sendMs: 60 }), 80)).toMatchObject({ compute: 60, wait: 0 });
});

test('keeps a lane that outlasts its step within it', () => {
  expect(laneBoxes(lane('w', { startMs: 150, endMs: 170 }), 100)).toEqual([
    { part: 'wait', fromMs: 0, toMs: 100 },
  ]);
});

test('puts the coordinator at the end of the step', () => {
  expect(coordinatorBoxes(step(1, []))).toEqual([
    { part: 'reduce', fromMs: 90, toMs: 98 },
    { part: 'optimize', fromMs: 98, toMs: 100 },
  ]);
});

test('orders rows by number, fills the width, and finds what is under a point', () => {
  const lanes = [step(1, [lane('w-10'), lane('w-2')]), step(2, [lane('w-2')], 300)];
  const timeline = layoutTimeline(lanes, { numSteps: 10, width: 402 });
  expect(timeline.rows).toEqual(['w-2', 'w-10', 'coordinator']);
  expect(timeline.steps).toEqual([
    { step: 1, x: 0, width: 100 },
    { step: 2, x: 102, width: 300 },
  ]);
  expect(hit(timeline, 50, rowHeight * 1.5)).toEqual({ step: 1, row: 'w-10' });
  expect(hit(timeline, 101, 5)).toBe(null);
  expect(hit(timeline, 50, timeline.height + 1)).toBe(null);
  expect(layoutTimeline(lanes, { numSteps: 1, width: 300 }).steps).toEqual([{ step: 2, x: 0, width: 300 }]);
  expect(layoutTimeline([], { numSteps: 1, width: 300 }).steps).toEqual([]);
});

test('says a step of a worker and of the coordinator in words', () => {
  const at = step(7, [lane('w', { numLeaves: 1 })]);
  expect(inWords(at, 'w')).toBe(
    'Step 7, w: 1 leaf; fetch and apply weights 10 ms, compute 50 ms, send gradients 10 ms, wait for others 30 ms; of 100 ms.',
  );
  expect(inWords(at, 'coordinator')).toContain('add gradients 8.0 ms, update weights 2.0 ms');
  expect(inWords(at, 'x')).toBe('Step 7, x: took no part.');
});

test('takes means over the steps that a worker took part in', () => {
  const lanes = [step(1, [lane('a')]), step(2, [lane('a', { computeMs: 70 }), lane('b')])];
  expect(meanDurations(lanes, 'a')).toMatchObject({ compute: 60, fetch: 10, wait: 20 });
  expect(meanDurations(lanes, 'c')).toBe(null);
});

test('says the shares of its steps that a worker waited, and why', () => {
  const steps = [step(1, [lane('w', { dataMs: 5 }), lane('v')]), step(2, [lane('w', { dataMs: 1 })], 200)];
  expect(waitsInWords(steps, 'w')).toBe('waits 2.0 % for data, 6.7 % for weights, 51.3 % for others');
  expect(waitsInWords(steps, 'nobody')).toBe('');
});
