import type { RecordedStatus } from '@unet-fleet/record';
import { expect, test } from 'vitest';
import { changedLines, type StatusView, statusLines, type Told } from './status-lines.ts';

const start = Date.UTC(2026, 0, 1);
const time = (second: number) => new Date(start + second * 1_000);
const iso = (second: number) => time(second).toISOString();

function statusAt(second: number, values: Partial<RecordedStatus> = {}): RecordedStatus {
  return {
    ...{ at: iso(second), runId: 'run-1', term: 1, pid: 5, state: 'training', step: 3, numSteps: 40 },
    ...{ checkpoint: null, awaited: [], isPaused: false, stopsAfterEpoch: false },
    workers: [{ name: 'a', state: 'computing', lastSeen: iso(second), reason: '' }],
    ...values,
  };
}
const viewAt = (second: number, values: Partial<RecordedStatus> = {}): StatusView => ({
  name: '0001',
  status: statusAt(second, values),
  head: {
    ...({ epoch: 1, numEpochs: 4, imagesPerSecond: 6, timeLeftMs: 65_000 } as StatusView['head'])!,
    best: { step: 2, loss: 0.5, meanIou: 0.25 },
  },
});
const awaited = (since: number) => ({
  ...{ who: 'a', what: 'leaf 3', why: 'it computes', since: iso(since), until: iso(since + 9) },
  outcome: 'another gets it',
});

test('the whole of it: progress, wishes, best, checkpoint, who is awaited, workers with what they are', () => {
  const facts = {
    ...{ name: 'a', workerId: 'w', host: 'box', pid: 1, device: 'cpu', numThreads: 2, residentBytes: 4e8 },
    gpu: { utilization: 0.5, memoryBytes: 2e9, memoryTotalBytes: 8e9 },
    ...{ imagesPerSecond: 6, numRestarts: 2, lastSeen: iso(60), isStraggler: true },
  };
  const checkpoint = { step: 2, at: iso(30) };
  const view = viewAt(60, { checkpoint, facts: [facts], stopsAfterEpoch: true, awaited: [awaited(58)] });
  expect(statusLines(view, time(61))).toEqual([
    'run 0001 (run-1), start 1: training, epoch 1 of 4, step 3 of 40, 6.00 images/s, 1m 05s left',
    'stops after this epoch, as somebody asked',
    'best so far: mean IoU 0.250, validation loss 0.5, at step 2',
    'newest checkpoint: step 2, 31s ago',
    'awaited: leaf 3 from a, for 3s (it computes), for another 7s; then another gets it',
    'worker a: computing, the straggler, 6.00 images/s, cpu on box, 2 threads, 400 MB, GPU 50 %, 2.0 GB of its memory, came back 2 times, heard of 1s ago',
  ]);
});

test('a folder of an older version, without metrics, says what it knows', () => {
  const { facts, isPaused, stopsAfterEpoch, ...old } = statusAt(0);
  expect(statusLines({ name: '0001', status: old, head: null }, time(1))).toEqual([
    'run 0001 (run-1), start 1: training, step 3 of 40',
    'no checkpoint yet in this start',
    'worker a: computing, heard of 1s ago',
  ]);
});

test('a status that is no longer written says so first', () => {
  expect(statusLines(viewAt(0), time(20))[0]).toMatch(
    /^this was 20s ago: the coordinator \(process 5\) has ended/,
  );
  expect(statusLines(viewAt(0, { state: 'over' }), time(20))[0]).toMatch(/^run 0001/);
});

/** The lines of each of these, without their times. */
function told(views: StatusView[]): string[][] {
  let before: Told | null = null;
  return views.map((view) => {
    const { lines, told: now } = changedLines(before, view, new Date(view.status.at));
    before = now;
    return lines.map((line) => line.replace(/^\S+ {2}/, ''));
  });
}

test('watched without a terminal, only what has changed is told, and steps now and then', () => {
  const idle = [{ name: 'a', state: 'idle', lastSeen: iso(0), reason: '' }];
  const lines = told([
    viewAt(0),
    viewAt(1, { step: 4, workers: idle }),
    viewAt(9, { step: 9, awaited: [awaited(8)] }),
    viewAt(11, { step: 11, checkpoint: { step: 10, at: iso(11) } }),
    viewAt(12, { step: 11 }),
  ]);
  expect(lines[0]).toEqual([
    'run 0001: training, epoch 1 of 4, step 3 of 40, 6.00 images/s, 1m 05s left',
    'best so far: mean IoU 0.250, validation loss 0.5, at step 2',
    'worker a: at work',
  ]);
  expect(lines.slice(1)).toEqual([
    [],
    [],
    [
      'run 0001: training, epoch 1 of 4, step 11 of 40, 6.00 images/s, 1m 05s left',
      'newest checkpoint: step 10',
    ],
    [],
  ]);
});

test('watched without a terminal, a lost worker, a wait and its end are told once', () => {
  const cutOff = [{ name: 'a', state: 'cut off', lastSeen: iso(0), reason: '' }];
  const waiting = { state: 'waiting for workers', workers: [], awaited: [awaited(2)] } as const;
  const lines = told([
    viewAt(0),
    viewAt(1, { workers: cutOff }),
    viewAt(2, { ...waiting, awaited: [awaited(2)] }),
    viewAt(3, { ...waiting, awaited: [awaited(2)] }),
    viewAt(4),
  ]);
  expect(lines.slice(1)).toEqual([
    ['worker a: cut off'],
    [
      'run 0001: waiting for workers, epoch 1 of 4, step 3 of 40',
      'awaited: leaf 3 from a (it computes); then another gets it',
      'worker a is gone',
    ],
    [],
    [
      expect.stringMatching(/^run 0001: training/),
      'worker a: at work',
      'no longer awaited: leaf 3 from a (it computes); then another gets it',
    ],
  ]);
});
