/**
 * Reducers in processes of their own, with real processes: wherever they are, whichever carrier they have, and whatever
 * becomes of them, the weights are those of a run that reduces in the coordinator, in every wire format.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { freePort } from './helpers/nats-server.ts';
import { type Started, start, until } from './helpers/processes.ts';
import {
  committed,
  courseOf,
  eventsOf,
  outcomeOf,
  recorded,
  sampleFlags,
  sharedMemoryOf,
} from './helpers/runs.ts';

vi.setConfig({ testTimeout: 480_000, hookTimeout: 240_000 });

// Two buckets, and statistics: each process has something.
const recipe = [
  ...['--size', '48x64', '--base-width', '16', '--batch-size', '4', '--leaf-size', '2', '--epochs', '3'],
  ...['--seed', '3', '--device', 'cpu', '--threads', '1', '--dashboard', 'false', '--tensorboard', 'false'],
  ...['--checkpoint-every', '3'],
];
const folder = mkdtempSync(join(tmpdir(), 'reducers-'));
const referenceDir = join(folder, 'reference');
let data: string[] = [];
let weightsSha256: string;

beforeAll(async () => {
  data = await sampleFlags(join(folder, 'sample'), 20);
  const trained = start(['train', ...data, ...recipe, '--run-dir', referenceDir, '--json', '--workers', '1']);
  ({ weightsSha256 } = outcomeOf(await trained.ended));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const train = async (runDir: string, ...flags: string[]): Promise<Started> =>
  start([
    ...[
      'train',
      ...data,
      ...recipe,
      '--run-dir',
      runDir,
      '--json',
      '--workers',
      '2',
      '--nats-host',
      '0.0.0.0',
    ],
    ...['--join-host', '127.0.0.1', '--nats-port', String(await freePort()), ...flags],
  ]);
const printedUrl = (run: Started): Promise<string> =>
  until(
    run,
    'it prints the URL for reducers',
    () => /^ {2}reducers {4}npx unet-fleet reducer --join '(unet-fleet:.*)'$/m.exec(run.said())?.[1],
  );
const reduce = (url: string, ...flags: string[]): Started =>
  start(['reducer', '--threads', '1', ...flags], { env: { UNET_FLEET_JOIN: url } });

test.each([true, false])('two processes reduce; in shared memory: %s', async (sharedMemory) => {
  const runDir = join(folder, `shared-memory-${sharedMemory}`);
  const run = await train(runDir, '--reducers', '2', '--shared-memory', String(sharedMemory));
  const url = await printedUrl(run);
  const reducers = [reduce(url), reduce(url)];
  expect(outcomeOf(await run.ended).weightsSha256).toBe(weightsSha256);
  expect(courseOf(runDir)).toEqual(courseOf(referenceDir));
  expect(sharedMemoryOf(runDir) !== null).toBe(sharedMemory);
  // The run is complete: there is nothing left to reduce.
  for (const reducer of reducers) expect((await reducer.ended).code).toBe(0);
});

test('a killed reducer costs a return to the last checkpoint; another takes its place', async () => {
  const runDir = join(folder, 'killed');
  const run = await train(runDir, '--reducers', '2');
  const url = await printedUrl(run);
  const killed = reduce(url, '--name', 'killed');
  const other = reduce(url, '--name', 'other');
  await committed(run, runDir, 5);
  killed.signal('SIGKILL');
  const lost = await recorded(run, runDir, 'the loss', ({ type }) => type === 'reducer-lost');
  expect(lost).toMatchObject({ reducer: 'killed', reason: 'its connection has closed' });
  const spare = reduce(url, '--name', 'spare');
  expect(outcomeOf(await run.ended).weightsSha256).toBe(weightsSha256);
  expect(courseOf(runDir)).toEqual(courseOf(referenceDir));
  const started = eventsOf(runDir).flatMap((event) =>
    event.type === 'run-started' ? [event.numStepsDone] : [],
  );
  expect(started).toEqual([0, 3]);
  for (const reducer of [other, spare]) {
    expect(reducer.said()).toContain('with 1 of its 2 reducers');
    expect((await reducer.ended).code).toBe(0);
  }
});

test('with --wire int8, two processes of which one is killed give the weights of a run that reduces itself', async () => {
  const wire = ['--wire', 'int8'];
  const alone = await train(join(folder, 'int8-alone'), ...wire);
  const reference = outcomeOf(await alone.ended);
  expect(reference.weightsSha256).not.toBe(weightsSha256);
  const runDir = join(folder, 'int8');
  const run = await train(runDir, ...wire, '--reducers', '2', '--shared-memory', 'false');
  const url = await printedUrl(run);
  const killed = reduce(url);
  reduce(url);
  await committed(run, runDir, 5);
  killed.signal('SIGKILL');
  await recorded(run, runDir, 'the loss', ({ type }) => type === 'reducer-lost');
  reduce(url);
  expect(outcomeOf(await run.ended).weightsSha256).toBe(reference.weightsSha256);
  expect(courseOf(runDir)).toEqual(courseOf(join(folder, 'int8-alone')));
});

test('without reducers in time, the coordinator reduces; a URL of workers makes no reducer', async () => {
  const runDir = join(folder, 'alone');
  const run = await train(runDir, '--reducers', '1', '--reducer-seconds', '1', '--epochs', '1');
  const url = await printedUrl(run);
  const wrong = await reduce(url.replace('//reducer:', '//worker:')).ended;
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('this join URL is for workers') });
  await run.ended;
  expect(run.said()).toContain(
    '0 of 1 processes with reducers have come in 1 s: the coordinator reduces itself',
  );
  const numSteps = courseOf(runDir).length;
  expect(courseOf(runDir)).toEqual(courseOf(referenceDir).slice(0, numSteps));
});
