import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CoreStatus, UserError } from '@unet-fleet/law';
import { afterAll, expect, test } from 'vitest';
import { readStatus, runStatusOf, writeStatus } from './status.ts';

const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-status-'));
afterAll(() => rmSync(folder, { recursive: true }));

const core: CoreStatus = {
  state: 'training',
  step: 4,
  workers: [{ name: 'a', workerId: 'worker.1', state: 'computing', lastSeenMs: 900, reason: '' }],
  awaited: [
    { who: 'a', what: 'leaf 3', why: 'leased', sinceMs: 500, untilMs: Infinity, outcome: 'a twin of it' },
    { who: 'b', what: 'leaf 4', why: 'leased', sinceMs: 500, untilMs: 4_000, outcome: 'it is leased anew' },
  ],
} as CoreStatus;
const source = { runId: 'run-1', term: 2, numSteps: 40, checkpoint: null };

test('a status is read as it was written', () => {
  const status = runStatusOf(core, source, 1_000, new Date('2026-01-01T00:00:01.000Z'));
  writeStatus(folder, status);
  expect(readStatus(folder)).toEqual(status);
  expect(status.workers[0]!.lastSeen).toBe('2026-01-01T00:00:00.900Z');
  expect(status.awaited.map(({ until }) => until)).toEqual([null, '2026-01-01T00:00:04.000Z']);
});

const facts = {
  name: 'a',
  workerId: 'worker.1',
  host: 'box',
  pid: 12,
  device: 'cpu',
  numThreads: 2,
  residentBytes: 1e8,
  gpu: null,
  imagesPerSecond: 3.5,
  numRestarts: 0,
  lastSeen: '2026-01-01T00:00:00.900Z',
  isStraggler: false,
};

test('facts of workers and what people asked for are read where they are there', () => {
  const status = runStatusOf(core, source, 1_000, new Date());
  const more = { facts: [facts], isPaused: true, stopsAfterEpoch: false };
  writeStatus(folder, { ...status, ...more });
  expect(readStatus(folder)).toEqual({ ...status, ...more });
});

test('facts of another shape cost nothing but themselves', () => {
  const status = runStatusOf(core, source, 1_000, new Date());
  const odd = { ...facts, imagesPerSecond: null } as never;
  writeStatus(folder, { ...status, ...{ facts: [odd], isPaused: true } });
  expect(readStatus(folder)).toEqual({ ...status, isPaused: true, facts: undefined });
});

test.each(['null', '{}', '[', '{"at": "yesterday"}'])('what is no status is told so: %s', (text) => {
  writeFileSync(join(folder, 'status.json'), text);
  expect(() => readStatus(folder)).toThrow(UserError);
  expect(() => readStatus(folder)).toThrow('has no readable status.json');
});

test('a status that another program wrote cannot write to the terminal', () => {
  const status = runStatusOf(core, source, 1_000, new Date());
  writeStatus(folder, { ...status, runId: '\u001b[2J', workers: [{ ...status.workers[0]!, name: 'a\nb' }] });
  expect(readStatus(folder)).toMatchObject({ runId: '\\u001b[2J', workers: [{ name: 'a\\u000ab' }] });
});
