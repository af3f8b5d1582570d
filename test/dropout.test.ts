/** A run with dropout under the law, with real processes: what is dropped is a function of config, data and seed alone. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunOutcome } from '@unet-fleet/coordinator';
import { loadCheckpoint } from '@unet-fleet/record';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { trainPlainly } from './helpers/plain-loop.ts';
import { type Started, start, unetFleet } from './helpers/processes.ts';
import { committed, courseOf, outcomeOf, sampleFlags } from './helpers/runs.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const recipe = [
  ...['--dropout', '0.5', '--size', '48x64', '--base-width', '4', '--batch-size', '5', '--leaf-size', '2'],
  ...['--epochs', '2', '--seed', '3', '--device', 'cpu', '--threads', '1', '--checkpoint-every', '1'],
  ...['--dashboard', 'false', '--tensorboard', 'false', '--json'],
];
const folder = mkdtempSync(join(tmpdir(), 'dropout-'));
const dirOf = (name: string) => join(folder, name);
let data: string[] = [];
let reference: RunOutcome;

const train = (name: string, ...flags: string[]): Started =>
  start(['train', ...data, ...recipe, '--run-dir', dirOf(name), ...flags]);

function expectReference(outcome: RunOutcome, name: string): void {
  expect(courseOf(dirOf(name))).toEqual(courseOf(dirOf('reference')));
  expect(outcome).toMatchObject({ reason: 'completed', weightsSha256: reference.weightsSha256 });
}

beforeAll(async () => {
  data = await sampleFlags(dirOf('sample'), 14);
  reference = outcomeOf(await train('reference', '--workers', '1').ended);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the weights are those of a plain loop, and others than without dropout', async () => {
  const plain = await trainPlainly(dirOf('reference'));
  const { parameters } = loadCheckpoint(reference.lastCheckpoint).vectors;
  expect(Buffer.compare(bytesOf(plain.parameters), bytesOf(parameters))).toBe(0);
  const without = outcomeOf(await train('without', '--dropout', '0').ended);
  expect(without.weightsSha256).not.toBe(reference.weightsSha256);
});

test.each([2, 3])('%i workers give the weights of one', async (numWorkers) => {
  const workers = ['--workers', `${numWorkers}`, '--min-workers', `${numWorkers}`];
  const name = `workers-${numWorkers}`;
  expectReference(outcomeOf(await train(name, ...workers).ended), name);
});

test('a run that is stopped and resumed ends with them, and replays without a difference', async () => {
  const run = train('stopped', '--workers', '2');
  await committed(run, dirOf('stopped'), 2);
  run.signal('SIGTERM');
  expect((await run.ended).code).toBe(4);
  const resumed = await unetFleet(['train', '--resume', '--run-dir', dirOf('stopped'), '--json']);
  expectReference(outcomeOf(resumed), 'stopped');
  const replayed = await unetFleet(['replay', dirOf('stopped'), '--from-start', '--json']);
  expect(replayed.code).toBe(0);
  expect(JSON.parse(replayed.stdout)).toMatchObject({ isSame: true, beganAfterStep: 0 });
});

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  Buffer.from(buffer, byteOffset, byteLength);
