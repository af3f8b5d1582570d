import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
