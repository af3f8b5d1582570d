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
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MetricsFile, readMetrics } from './metrics.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unet-fleet-metrics-'));
  path = join(folder, 'metrics.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a resumed run goes on after its checkpoint: later lines and a cut one are gone', () => {
  const first = new MetricsFile(path, 0);
  const lines = [
    { type: 'epoch-started', firstStep: 1 },
    { type: 'step', step: 1, loss: 0.5 },
    { type: 'step', step: 2, loss: 0.4 },
    { type: 'warning', message: 'about step 2' },
    { type: 'epoch-started', firstStep: 3 },
    { type: 'step', step: 3, loss: 0.3 },
  ];
  for (const line of lines) first.append(line);
  first.close();
  appendFileSync(path, '{"type":"step","st');
  expect(readMetrics(path)).toEqual(lines);

  const second = new MetricsFile(path, 2);
  second.append({ type: 'step', step: 3, loss: 0.3 });
  second.close();
  expect(readMetrics(path)).toEqual([...lines.slice(0, 4), lines[5]]);
  expect(readFileSync(path, 'utf8').endsWith('\n')).toBe(true);
});

test('a missing file has no lines; a new run drops those of an old one', () => {
  expect(readMetrics(path)).toEqual([]);
  writeFileSync(path, '{"step":4}\n');
  new MetricsFile(path, 0).close();
  expect(readMetrics(path)).toEqual([]);
});

test('lines that are no JSON objects are passed over, whatever their bytes', () => {
  const metrics = new MetricsFile(path, 0);
  metrics.append({ type: 'step', step: 1 });
  metrics.close();
  appendFileSync(path, Buffer.from([0xff, 0xfe, 0x00, 0x0a]));
  appendFileSync(path, 'null\n5\n[{"step":9}]\n{"step":2\n\n');
  appendFileSync(path, `"${'x'.repeat(2_000_000)}"\n`);
  appendFileSync(path, '{"type":"step","step":2}\n{"type":"step","st');
  const steps = [1, 2].map((step) => ({ type: 'step', step }));
  expect(readMetrics(path)).toEqual(steps);
  const again = new MetricsFile(path, 1);
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
    const metrics = new MetricsFile(path, 3);
    metrics.append({ type: 'warning' });
    metrics.close();
    expect(readMetrics(path)).toEqual([...steps.slice(0, numWhole), { type: 'warning' }]);
  }
});

test('trouble with the disk is told as a sentence, and so is its end', () => {
  const warnings: string[] = [];
  const inner = join(folder, 'run');
  mkdirSync(inner);
  const metrics = new MetricsFile(join(inner, 'metrics.jsonl'), 0, { onWarning: (w) => warnings.push(w) });
  rmSync(inner, { recursive: true });
  writeFileSync(inner, '');
  metrics.append({ type: 'step', step: 1 });
  metrics.append({ type: 'step', step: 2 });
  rmSync(inner);
  metrics.append({ type: 'step', step: 3 });
  metrics.close();
  expect(readMetrics<{ step: number }>(join(inner, 'metrics.jsonl')).map(({ step }) => step)).toEqual([
    1, 2, 3,
  ]);
  expect(warnings).toEqual([
    expect.stringMatching(
      /run is in the way of its metrics: it is no folder; move it; the run goes on, and its metrics wait in memory$/,
    ),
    `${join(inner, 'metrics.jsonl')} is written again`,
  ]);
});
