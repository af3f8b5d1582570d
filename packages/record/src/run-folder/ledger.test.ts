import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { epochOrder, type PlanConfig, type StepRecord } from '@unet-fleet/law';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Ledger, readLedger } from './ledger.ts';
import type { StepHashes } from './step-hashes.ts';
import { StepSamples, samplesSha256 } from './step-samples.ts';

const plan: PlanConfig = {
  numTrainSamples: 5,
  numValidationSamples: 1,
  batchSize: 3,
  leafSize: 2,
  epochs: 2,
  seed: 7,
};
const samples = new StepSamples(plan, ['a', 'b', 'c', 'd', 'e']);
const hash = (text: string): string => text.repeat(64).slice(0, 64);
const sums = { lossSum: 2, weightSum: 10, gradientNorm: 3, isFinite: true };

const recordOf = (step: number, facts: Partial<StepRecord> = {}): StepRecord => ({
  step,
  epoch: Math.ceil(step / 2),
  stepInEpoch: ((step - 1) % 2) + 1,
  numLeaves: 2,
  durationMs: 12.5,
  learningRate: 0.001,
  lossSum: 4,
  weightSum: 20,
  gradientNorm: 0.5,
  answers: [
    { node: { level: 0, index: 0 }, worker: 'one', workerId: 'one.1', arrivedMs: 5, leaves: [sums] },
    { node: { level: 0, index: 1 }, worker: 'two', workerId: 'two.1', arrivedMs: 9, leaves: [sums] },
  ],
  skippedLeaves: [],
  rejected: [],
  repeated: [],
  ...facts,
});

const hashesOf = (step: number, facts: Partial<StepHashes> = {}): StepHashes => ({
  hashKey: hash('c'),
  gradientSha256: hash(`${step}`),
  nodes: [
    { node: { level: 0, index: 1 }, sha256: hash('b'), numBytes: 7, peers: ['two.1'] },
    { node: { level: 0, index: 0 }, sha256: hash('a'), numBytes: 8, peers: ['one.1'] },
  ],
  ...facts,
});

let folder: string;
let path: string;
let warnings: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unet-fleet-ledger-'));
  path = join(folder, 'ledger.jsonl');
  warnings = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (step: number, term = 1): Ledger =>
  new Ledger(path, step, {
    term,
    samples,
    mayWrite: () => true,
    onWarning: (message) => warnings.push(message),
  });

/** A ledger of these steps by a coordinator of this term. */
async function write(from: number, steps: number[], term = 1): Promise<void> {
  const ledger = open(from, term);
  for (const step of steps) ledger.append(recordOf(step), Promise.resolve(hashesOf(step)));
  await ledger.close();
}

test('a line says who delivered what, and which samples the step held', async () => {
  const ledger = open(0);
  ledger.append(
    recordOf(1, { rejected: [{ worker: 'two', reason: 'stale', count: 3 }] }),
    Promise.resolve(hashesOf(1)),
  );
  await ledger.close();
  const { lines } = readLedger(path);
  expect(lines).toMatchObject([
    {
      term: 1,
      step: 1,
      numBytes: 15,
      version: 2,
      hashKey: hash('c'),
      gradientSha256: hash('1'),
      answers: [
        { worker: 'one', sha256: hash('a'), numBytes: 8, alsoFrom: [], leaves: [sums] },
        { worker: 'two', sha256: hash('b'), numBytes: 7, alsoFrom: [] },
      ],
      parts: [],
      rejected: [{ worker: 'two', reason: 'stale', count: 3 }],
    },
  ]);
  const order = epochOrder(plan, 0);
  const ids = Array.from(order, (index) => 'abcde'[index]!);
  expect(samples.ofStep(1)).toEqual([ids.slice(0, 2), ids.slice(2, 3)]);
  expect(samples.ofStep(2)).toEqual([ids.slice(3, 5)]);
  expect(lines[0]!.samplesSha256).toBe(samplesSha256([ids.slice(0, 3)]));
  expect(lines[0]!.samplesSha256).not.toBe(samplesSha256([ids.slice(0, 3).toReversed()]));
});

test('it names every worker whose values were used', async () => {
  const ledger = open(0);
  const nodes: StepHashes['nodes'] = [
    { node: { level: 0, index: 0 }, sha256: hash('a'), numBytes: 8, peers: ['gone.1', 'one.1'] },
    { node: { level: 0, index: 1 }, sha256: null, numBytes: 3, peers: ['two.1'] },
    { node: { level: 1, index: 0 }, sha256: null, numBytes: 4, peers: ['gone.1'] },
  ];
  ledger.append(recordOf(1), Promise.resolve(hashesOf(1, { nodes })));
  await ledger.close();
  expect(readLedger(path).lines).toMatchObject([
    {
      answers: [
        { sha256: hash('a'), alsoFrom: ['gone.1'] },
        { sha256: null, alsoFrom: [] },
      ],
      parts: [{ node: { level: 1, index: 0 }, from: ['gone.1'] }],
    },
  ]);
});

test('lines stand in the order of the steps, whenever their hashes come', async () => {
  const ledger = open(0);
  let late!: (hashes: StepHashes) => void;
  ledger.append(recordOf(1), new Promise((resolve) => (late = resolve)));
  ledger.append(recordOf(2), Promise.resolve(hashesOf(2)));
  late(hashesOf(1));
  await ledger.flush();
  expect(readFileSync(path, 'utf8').match(/"step":\d/g)).toEqual(['"step":1', '"step":2']);
  await ledger.close();
});

test('a resumed run goes on after its checkpoint; what nobody can read stays and is counted', async () => {
  await write(0, [1, 2]);
  appendFileSync(path, 'nonsense\n{"version":1,"step":1}\n');
  await write(2, [3, 4], 2);
  appendFileSync(path, '{"version":1,"te');
  await write(3, [4], 3);
  const { lines, numDamaged, numStale } = readLedger(path);
  expect(lines.map(({ step, term }) => [step, term])).toEqual([
    [1, 1],
    [2, 1],
    [3, 2],
    [4, 3],
  ]);
  expect({ numDamaged, numStale }).toEqual({ numDamaged: 2, numStale: 0 });
});

test('a line of a replaced coordinator between them costs a resumed run none of its steps', async () => {
  await write(0, [1, 2]);
  const old = open(2);
  const next = open(2, 2);
  for (const [ledger, step] of [
    [next, 3],
    [old, 9],
    [next, 4],
  ] as const) {
    ledger.append(recordOf(step), Promise.resolve(hashesOf(step)));
    await ledger.flush();
  }
  await old.close();
  await next.close();
  await write(4, [5], 3);
  expect(readLedger(path).lines.map(({ step, term }) => [step, term])).toEqual([
    [1, 1],
    [2, 1],
    [3, 2],
    [4, 2],
    [5, 3],
  ]);
});

test('a coordinator that was replaced and writes on does not count', async () => {
  await write(0, [1, 2, 3]);
  const old = open(3);
  const next = open(3, 2);
  old.append(recordOf(4), Promise.resolve(hashesOf(4)));
  old.append(recordOf(5), Promise.resolve(hashesOf(5)));
  await old.flush();
  next.append(recordOf(4), Promise.resolve(hashesOf(4)));
  await next.flush();
  old.append(recordOf(6), Promise.resolve(hashesOf(6)));
  await old.close();
  await next.close();
  const { lines, numStale } = readLedger(path);
  expect(lines.map(({ step, term }) => [step, term])).toEqual([
    [1, 1],
    [2, 1],
    [3, 1],
    [4, 2],
  ]);
  expect(numStale).toBe(3);
});

describe('trouble', () => {
  test('a missing file has no lines', () => {
    expect(readLedger(path)).toEqual({ lines: [], numDamaged: 0, numStale: 0 });
  });

  test('a file that can not be written is one warning, and its lines come when it can', async () => {
    mkdirSync(join(folder, 'run'));
    path = join(folder, 'run', 'ledger.jsonl');
    const ledger = open(0);
    const append = async (step: number) => {
      ledger.append(recordOf(step), Promise.resolve(hashesOf(step)));
      await ledger.flush();
    };
    await append(1);
    rmSync(join(folder, 'run'), { recursive: true });
    writeFileSync(join(folder, 'run'), 'in the way');
    await append(2);
    await append(3);
    expect(warnings).toEqual([expect.stringMatching(/its ledger waits in memory/)]);
    rmSync(join(folder, 'run'));
    await append(4);
    await ledger.close();
    expect(readLedger(path).lines.map(({ step }) => step)).toEqual([2, 3, 4]);
    expect(warnings).toHaveLength(2);
  });

  test('a coordinator that has lost the lock writes no more', async () => {
    let mayWrite = true;
    const ledger = new Ledger(path, 0, { term: 1, samples, mayWrite: () => mayWrite, onWarning() {} });
    ledger.append(recordOf(1), Promise.resolve(hashesOf(1)));
    await ledger.flush();
    mayWrite = false;
    ledger.append(recordOf(2), Promise.resolve(hashesOf(2)));
    await ledger.close();
    expect(readLedger(path).lines.map(({ step }) => step)).toEqual([1]);
  });

  test('hashes that never come cost their line alone', async () => {
    const ledger = open(0);
    ledger.append(recordOf(1), Promise.reject(new Error('a reducer thread ended')));
    ledger.append(recordOf(2), Promise.resolve(hashesOf(2)));
    await ledger.close();
    expect(readLedger(path).lines.map(({ step }) => step)).toEqual([2]);
    expect(warnings).toHaveLength(1);
  });

  test('whatever stands in the file, reading it gives lines of the ledger or a count', async () => {
    await write(0, [1, 2, 3]);
    const whole = readFileSync(path);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, length) => {
        const bytes = Uint8Array.from(whole);
        bytes[at] = byte;
        writeFileSync(path, bytes.subarray(0, length));
        const { lines, numDamaged } = readLedger(path);
        expect(lines.length + numDamaged).toBeLessThanOrEqual(4);
        for (const line of lines) expect(line.answers.length).toBeLessThanOrEqual(2);
      }),
    );
  });
});
