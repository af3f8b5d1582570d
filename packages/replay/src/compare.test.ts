import { type LedgerLine, samplesSha256 } from '@unet-fleet/record';
import { expect, test } from 'vitest';
import { compareStep } from './compare.ts';
import { formatReplay } from './format.ts';
import { engineDifference, type ReplayReport } from './replay.ts';
import type { Recomputed } from './trainer.ts';

const samples = [['a', 'b'], ['c', 'd'], ['e']];
const hash = (letter: string): string => letter.repeat(64);
const sums = (gradientNorm: number) => ({ lossSum: 2, weightSum: 10, gradientNorm, isFinite: true });

/** Node 1:0 of one worker and 1:1, which is leaf 2 alone, of another. */
const recomputed: Recomputed = {
  answers: new Map([
    ['1:0', { sha256: hash('1'), leaves: [sums(1), sums(2)] }],
    ['1:1', { sha256: hash('2'), leaves: [sums(3)] }],
  ]),
  firstPass: null,
  gradientSha256: hash('9'),
  gradientNorm: 0.5,
  leaves: [sums(1), sums(2), sums(3)],
};

const answer = (index: number, worker: string, facts: object) => ({
  node: { level: 1, index },
  worker,
  workerId: `${worker}.x`,
  arrivedMs: 5,
  numBytes: 8,
  alsoFrom: [],
  ...facts,
});

const lineOf = (facts: Partial<LedgerLine> = {}): LedgerLine =>
  ({
    step: 4,
    numLeaves: 3,
    gradientSha256: hash('9'),
    samplesSha256: samplesSha256(samples),
    answers: [
      answer(0, 'one', { sha256: hash('1'), leaves: [sums(1), sums(2)] }),
      answer(1, 'two', { sha256: hash('2'), leaves: [sums(3)] }),
    ],
    parts: [],
    ...facts,
  }) as LedgerLine;

const reportOf = (line: LedgerLine, facts: Partial<ReplayReport> = {}): ReplayReport => {
  const comparison = compareStep(line, recomputed, samples);
  return {
    runDir: '/run',
    step: line.step,
    isSame: comparison.isSame,
    beganAfterStep: 3,
    checkpoint: '/run/checkpoints/step-00000003',
    engine: {} as ReplayReport['engine'],
    steps: [comparison],
    ...facts,
  };
};

test('a step with the numbers of the ledger is the same', () => {
  const comparison = compareStep(lineOf(), recomputed, samples);
  expect(comparison).toMatchObject({ isSame: true, answers: [], unexplained: null, workers: ['one', 'two'] });
  expect(formatReplay(reportOf(lineOf()))[0]).toBe('step 4 is as the ledger says');
});

test('the answer whose numbers differ is named with worker, leaf and samples; the others are not', () => {
  const line = lineOf({
    gradientSha256: hash('8'),
    answers: [
      answer(0, 'one', { sha256: hash('7'), leaves: [sums(1), sums(2.5)] }),
      answer(1, 'two', { sha256: hash('2'), leaves: [sums(3)] }),
    ],
  });
  const comparison = compareStep(line, recomputed, samples);
  expect(comparison).toMatchObject({
    isSame: false,
    unexplained: null,
    answers: [{ worker: 'one', differing: [{ leaf: 1, samples: ['c', 'd'] }] }],
  });
  const text = formatReplay(reportOf(line)).join('\n');
  expect(text).toMatch(
    /^step 4 differs from the ledger\n {2}one \(one\.x\) delivered other numbers for leaves 0 to 1/,
  );
  expect(text).toMatch(/leaf 1 \(c, d\): gradient norm 2.5 in the ledger, 2 here/);
  expect(text).not.toMatch(/two/);
});

test('a gradient that differs under equal norms is found by its hash', () => {
  const line = lineOf({ answers: [answer(1, 'two', { sha256: hash('f'), leaves: [sums(3)] })] });
  const { answers, isSame } = compareStep(line, recomputed, samples);
  expect(isSame).toBe(false);
  expect(answers).toMatchObject([{ worker: 'two', leaves: [2], differing: [] }]);
  expect(formatReplay(reportOf(line)).join('\n')).toMatch(/leaf 2 .*the norms of its leaves do not/);
});

test('a sum that no answer explains points to those without a hash, or to the coordinator', () => {
  const partly = lineOf({
    gradientSha256: hash('8'),
    answers: [
      answer(0, 'one', { sha256: null, leaves: [sums(1), sums(2)] }),
      answer(1, 'two', { sha256: hash('2'), leaves: [sums(3)] }),
    ],
    parts: [{ node: { level: 2, index: 0 }, from: ['gone'] }],
  });
  expect(compareStep(partly, recomputed, samples).unexplained).toEqual({ suspects: ['one', 'gone'] });
  const whole = lineOf({ gradientSha256: hash('8') });
  expect(compareStep(whole, recomputed, samples).unexplained).toEqual({ suspects: [] });
  expect(formatReplay(reportOf(whole)).join('\n')).toMatch(/on the coordinator's machine/);
});

test('other samples than the plan gives are a difference', () => {
  const line = lineOf({ samplesSha256: samplesSha256([['a', 'b'], ['c', 'e'], ['d']]) });
  expect(compareStep(line, recomputed, samples)).toMatchObject({ isSame: false, hasOtherSamples: true });
});

test('an answer for a node that the step does not have is a difference, not a crash', () => {
  const line = lineOf({
    answers: [answer(9, 'odd', { sha256: hash('1'), leaves: [] })],
    gradientSha256: hash('8'),
  });
  expect(compareStep(line, recomputed, samples).answers).toMatchObject([{ worker: 'odd', leaves: [] }]);
  expect(formatReplay(reportOf(line)).join('\n')).toMatch(/odd \(odd\.x\) answered for node 1:9/);
});

test('the report says when the step asked for was not reached', () => {
  const text = formatReplay(reportOf(lineOf({ gradientSha256: hash('8') }), { step: 6 })).join('\n');
  expect(text).toMatch(/step 6 was not reached: from step 4 on the run had other weights/);
});

test('engines that differ are told by what differs', () => {
  const engine = {
    library: 'tensorflow 2.21.0',
    device: 'cpu A',
    intraOpThreads: 2,
    decoder: 'sharp 1',
    settings: '',
  } as const;
  expect(engineDifference(engine, { ...engine })).toBeNull();
  expect(engineDifference(engine, { ...engine, device: 'cpu B', intraOpThreads: 4 })).toBe(
    'device cpu A there, cpu B here; intraOpThreads 2 there, 4 here',
  );
});
