import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reachedMoment } from '@unet-fleet/law';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { linesOf } from './json-lines.ts';
import { MetricsFile } from './metrics.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unet-fleet-metrics-'));
  path = join(folder, 'metrics.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const past = (version: number, validationPending = false) => reachedMoment({ version, validationPending });
const readMetrics = (file: string) =>
  Array.from(linesOf(file), ({ value }) => value).filter((value) => value !== undefined);

/** What a run of 2 steps an epoch told, killed in its third epoch; as RunEvent has it. */
const told = [
  { type: 'run-started', numStepsDone: 0 },
  { type: 'epoch-started', epoch: 1, numEpochs: 9, numSteps: 2, firstStep: 1 },
  { type: 'step', step: 1, epoch: 1, stepInEpoch: 1 },
  // Made while step 2 is under way: counts from step 3.
  { type: 'learning-rate-changed', step: 3, from: 0.1, to: 0.01, by: 'somebody' },
  { type: 'step', step: 2, epoch: 1, stepInEpoch: 2 },
  { type: 'leaf-skipped', kind: 'validation', step: 3, leaf: 0 },
  { type: 'validated', step: 2, epoch: 1 },
  { type: 'evaluation-kept', step: 2, numPictures: 0 },
  { type: 'checkpoint', step: 2 },
  { type: 'epoch-started', epoch: 2, numEpochs: 9, numSteps: 2, firstStep: 1 },
  { type: 'leaf-skipped', kind: 'train', step: 3, leaf: 1 },
  { type: 'worker-late', step: 3, worker: 'one' },
  { type: 'gradient-outlier', step: 3, leaf: 0 },
  { type: 'step', step: 3, epoch: 2, stepInEpoch: 1 },
  { type: 'warning', message: 'after step 3' },
  { type: 'step', step: 4, epoch: 2, stepInEpoch: 2 },
  { type: 'leaf-skipped', kind: 'validation', step: 5, leaf: 0 },
  { type: 'validated', step: 4, epoch: 2 },
  { type: 'checkpoint', step: 4 },
];

/** Indices of the lines that a run has which goes on after `past`. */
function kept(done: ReturnType<typeof past> | null): number[] {
  writeFileSync(path, `${told.map((line) => `${JSON.stringify(line)}\n`).join('')}{"type":"step","st`);
  new MetricsFile(path, done).close();
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => told.findIndex((other) => JSON.stringify(other) === line));
}

test('a resumed run has all of its past, and of what it will tell again nothing', () => {
  const all = told.map((_, i) => i);
  const incidents = [3, 11, 14];
  expect(kept(past(4))).toEqual(all);
  // A change of the rate and a skipped leaf before them take no step, validation or checkpoint along.
  expect(kept(past(2))).toEqual([...all.slice(0, 9), ...incidents.slice(1)]);
  expect(kept(past(3))).toEqual([...all.slice(0, 15)]);
  expect(kept(past(0))).toEqual([0, ...incidents]);
  expect(kept(null)).toEqual([]);
});

test('a validation that is done again is told again, with the leaves that it leaves out', () => {
  expect(kept(past(2, true))).toEqual([0, 1, 2, 3, 4, 8, 11, 14]);
});

test('a missing file has no lines; a new run drops those of an old one', () => {
  expect(readMetrics(path)).toEqual([]);
  writeFileSync(path, '{"step":4}\n{"type":"warning"}\n');
  new MetricsFile(path, null).close();
  expect(readMetrics(path)).toEqual([]);
});

test('lines that are no JSON objects are passed over, whatever their bytes', () => {
  const metrics = new MetricsFile(path, null);
  metrics.append({ type: 'step', step: 1 });
  metrics.close();
  appendFileSync(path, Buffer.from([0xff, 0xfe, 0x00, 0x0a]));
  appendFileSync(path, 'null\n5\n[{"step":9}]\n{"step":2\n\n');
  appendFileSync(path, `"${'x'.repeat(2_000_000)}"\n`);
  appendFileSync(path, '{"type":"step","step":2}\n{"type":"step","st');
  const steps = [1, 2].map((step) => ({ type: 'step', step }));
  expect(readMetrics(path)).toEqual(steps);
  const again = new MetricsFile(path, past(1));
  again.append({ type: 'step', step: 2, loss: 1 });
  again.close();
  expect(readMetrics(path)).toEqual([steps[0], { type: 'step', step: 2, loss: 1 }]);
});

test('cut anywhere, a file gives the whole lines before the cut and takes new ones', () => {
  const steps = [1, 2, 3].map((step) => ({ type: 'step', step, worker: 'añ' }));
  const whole = Buffer.from(steps.map((line) => `${JSON.stringify(line)}\n`).join(''));
  for (let length = 0; length <= whole.length; length++) {
    writeFileSync(path, whole);
    truncateSync(path, length);
    const numWhole = whole.subarray(0, length).toString('latin1').split('\n').length - 1;
    const metrics = new MetricsFile(path, past(3));
    metrics.append({ type: 'warning' });
    metrics.close();
    expect(readMetrics(path)).toEqual([...steps.slice(0, numWhole), { type: 'warning' }]);
  }
});

test('trouble with the disk is told as a sentence, and so is its end', () => {
  const warnings: string[] = [];
  const inner = join(folder, 'run');
  mkdirSync(inner);
  const metrics = new MetricsFile(join(inner, 'metrics.jsonl'), null, { onWarning: (w) => warnings.push(w) });
  rmSync(inner, { recursive: true });
  writeFileSync(inner, '');
  metrics.append({ type: 'step', step: 1 });
  metrics.append({ type: 'step', step: 2 });
  rmSync(inner);
  metrics.append({ type: 'step', step: 3 });
  metrics.close();
  expect(readMetrics(join(inner, 'metrics.jsonl'))).toEqual(
    [1, 2, 3].map((step) => ({ type: 'step', step })),
  );
  expect(warnings).toEqual([
    expect.stringMatching(
      /run is in the way of its metrics: it is no folder; move it; the run goes on, and its metrics wait in memory$/,
    ),
    `${join(inner, 'metrics.jsonl')} is written again`,
  ]);
});
