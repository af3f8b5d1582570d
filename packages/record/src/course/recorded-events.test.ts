import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { eventsIn, standingEventsIn } from './recorded-events.ts';

const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-recorded-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'metrics.jsonl');
const at = '2026-01-02T03:04:05.000Z';
const step = (n: number, loss: number) => ({
  ...{ at, type: 'step', epoch: 1, stepInEpoch: n, step: n, loss, learningRate: 0.1, numImages: 4 },
  ...{ gradientNorm: 2, stepMs: 500, numWorkers: 1 },
});
const started = (numStepsDone: number) => ({ at, type: 'run-started', numStepsDone, numSteps: 10 });
const write = (...lines: unknown[]) =>
  writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));

test('steps that a later start has computed again are left out, through any number of starts', () => {
  write(
    ...[started(0), step(1, 0.1), step(2, 0.1), step(3, 0.1), step(4, 0.1)],
    ...[started(3), step(4, 0.2), step(5, 0.2)],
    ...[started(1), step(2, 0.3), { at, type: 'warning', message: 'stays' }],
    ...[started(2), step(3, 0.4)],
  );
  const events = [...standingEventsIn(path)];
  const steps = events.flatMap((event) => (event.type === 'step' ? [[event.step, event.loss]] : []));
  expect(steps).toEqual([
    [1, 0.1],
    [2, 0.3],
    [3, 0.4],
  ]);
  expect(events.map(({ type }) => type)).toContain('warning');
});

test('a file that begins in the middle of a run has its steps; a missing one has none', () => {
  write(step(7, 0.1), started(7), step(8, 0.2));
  expect([...standingEventsIn(path)].filter(({ type }) => type === 'step')).toHaveLength(2);
  expect([...standingEventsIn(join(folder, 'none'))]).toEqual([]);
});

test('lines that are no event are passed over', () => {
  writeFileSync(path, `rubbish\n{"a":1}\n${JSON.stringify(step(1, 1))}\n{"type":"step","at`);
  expect([...eventsIn(path)]).toHaveLength(1);
});
