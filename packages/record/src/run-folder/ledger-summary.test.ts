import { expect, test } from 'vitest';
import type { LedgerLine } from './ledger-line.ts';
import { summarize } from './ledger-summary.ts';

const sums = (gradientNorm: number, isUsable = true) => ({
  lossSum: 2,
  weightSum: 10,
  gradientNorm,
  isFinite: isUsable,
});

const answer = (index: number, worker: string, norm = 10, isUsable = true) => ({
  node: { level: 0, index },
  worker,
  workerId: `${worker}.x`,
  arrivedMs: 100 + index,
  sha256: null,
  numBytes: 8,
  alsoFrom: [],
  leaves: [sums(norm, isUsable)],
});

const lineOf = (step: number, facts: Partial<LedgerLine> = {}): LedgerLine => ({
  version: 1,
  at: '2026-01-01T00:00:00.000Z',
  term: 1,
  step,
  epoch: 1,
  stepInEpoch: step,
  numLeaves: 3,
  durationMs: 200,
  learningRate: 0.1,
  lossSum: 6,
  weightSum: 30,
  gradientNorm: 1,
  gradientSha256: '0'.repeat(64),
  samplesSha256: '0'.repeat(64),
  numBytes: 24,
  answers: [answer(0, 'one'), answer(1, 'one'), answer(2, 'two')],
  parts: [],
  skippedLeaves: [],
  rejected: [],
  repeated: [],
  ...facts,
});

const samplesOf = (step: number): string[][] => [0, 1, 2].map((leaf) => [`s${step}-${leaf}`]);
const summaryOf = (lines: LedgerLine[]) => summarize({ lines, numDamaged: 0, numStale: 0 }, samplesOf)!;

test('it adds up who did what, and which steps have no line', () => {
  const summary = summaryOf([lineOf(2), lineOf(3, { durationMs: 500 }), lineOf(6, { term: 2 })]);
  expect(summary).toMatchObject({
    numSteps: 3,
    firstStep: 2,
    lastStep: 6,
    missing: [{ first: 4, last: 5 }],
    numStarts: 2,
    numLeaves: 9,
    numBytes: 72,
    totalMs: 900,
    medianStepMs: 200,
  });
  expect(summary.workers).toEqual([
    { worker: 'one', numLeaves: 6, share: 6 / 9, numAnswers: 6, numBytes: 48, arrivedMs: 101 },
    { worker: 'two', numLeaves: 3, share: 3 / 9, numAnswers: 3, numBytes: 24, arrivedMs: 102 },
  ]);
});

test('rejected answers and repeated leases are counted by worker and reason', () => {
  const lost = { worker: 'two', reason: 'its connection was lost' };
  const summary = summaryOf([
    lineOf(1, {
      rejected: [{ worker: 'one', reason: 'stale', count: 2 }],
      repeated: [{ leaves: [1, 2], ...lost }],
    }),
    lineOf(2, {
      rejected: [
        { worker: 'one', reason: 'stale', count: 3 },
        { worker: 'one', reason: 'duplicate', count: 9 },
      ],
      repeated: [
        { leaves: [0], ...lost },
        { leaves: [2], worker: 'two', reason: 'it was late' },
      ],
    }),
  ]);
  expect(summary.rejected).toEqual([
    { worker: 'one', reason: 'duplicate', count: 9 },
    { worker: 'one', reason: 'stale', count: 5 },
  ]);
  expect(summary.repeated).toEqual([
    { ...lost, numLeaves: 3, steps: [1, 2] },
    { worker: 'two', reason: 'it was late', numLeaves: 1, steps: [2] },
  ]);
});

test('skipped leaves and unusual gradients are named with worker and samples, in whatever order answers came', () => {
  const lines = Array.from({ length: 40 }, (_, i) => lineOf(i + 1));
  lines[4] = lineOf(5, {
    skippedLeaves: [2],
    answers: [answer(0, 'one'), answer(1, 'one'), answer(2, 'two', 0, false)],
  });
  lines[29] = lineOf(30, { answers: [answer(2, 'two'), answer(1, 'one'), answer(0, 'one', 900)] });
  const { skipped, outliers } = summaryOf(lines);
  expect(skipped).toEqual([{ step: 5, leaf: 2, worker: 'two', samples: ['s5-2'] }]);
  expect(outliers).toEqual([{ step: 30, leaf: 0, worker: 'one', samples: ['s30-0'], norm: 90, median: 1 }]);
});

test('a ledger without a line has no summary', () => {
  expect(summarize({ lines: [], numDamaged: 3, numStale: 0 }, samplesOf)).toBeNull();
});
