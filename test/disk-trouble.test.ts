/**
 * Runs whose disk fails under them, and coordinators that meet on one run, with real processes: the trouble is named at
 * once, training goes on or stops as it was told to, and the weights are those of a run that had none.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunOutcome } from '@unet-fleet/coordinator';
import { listCheckpoints, verifyCheckpoint } from '@unet-fleet/record';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Started, start, until } from './helpers/processes.ts';
import { committed, courseOf, eventsOf, outcomeOf, recorded, sampleFlags } from './helpers/runs.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const recipe = [
  ...['--size', '48x64', '--base-width', '4', '--batch-size', '7', '--leaf-size', '2', '--epochs', '4'],
  ...['--seed', '3', '--device', 'cpu', '--threads', '1', '--checkpoint-every', '2', '--workers', '1'],
  ...['--dashboard', 'false'],
];
const numSteps = 24;

const folder = mkdtempSync(join(tmpdir(), 'disk-trouble-'));
let data: string[] = [];
let reference: RunOutcome;
const referenceDir = join(folder, 'reference');

const train = (runDir: string, ...flags: string[]): Started =>
  start(['train', ...data, ...recipe, '--run-dir', runDir, '--json', ...flags]);
const resume = (runDir: string, ...flags: string[]): Started =>
  start(['train', '--resume', '--run-dir', runDir, '--json', ...flags]);

beforeAll(async () => {
  data = await sampleFlags(join(folder, 'sample'), 42);
  reference = outcomeOf(await train(referenceDir).ended);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The same weights by the same steps, each told once, and nothing damaged or half-written beside the last checkpoint. */
function expectReference(outcome: RunOutcome, runDir: string): void {
  expect(outcome).toMatchObject({ reason: 'completed', step: numSteps });
  expect(outcome.weightsSha256).toBe(reference.weightsSha256);
  expect(courseOf(runDir)).toEqual(courseOf(referenceDir));
  const checkpoints = join(runDir, 'checkpoints');
  for (const name of listCheckpoints(checkpoints)) verifyCheckpoint(join(checkpoints, name));
  expect(outcome.lastCheckpoint).toBe(join(checkpoints, 'step-00000024'));
}

const checkpointsOf = (runDir: string): string => join(runDir, 'checkpoints');
const isCheckpoint = ({ type }: { type: string }): boolean => type === 'checkpoint';
const hasFailed = ({ type }: { type: string }): boolean => type === 'checkpoint-failed';

/** A file where the folder was: nothing can be written there, not even by root. Returns what mends it. */
function block(runDir: string): () => void {
  const checkpoints = checkpointsOf(runDir);
  renameSync(checkpoints, `${checkpoints}-aside`);
  writeFileSync(checkpoints, '');
  return () => {
    rmSync(checkpoints);
    renameSync(`${checkpoints}-aside`, checkpoints);
  };
}

const told = (process: Started, sentence: RegExp): Promise<string> =>
  until(process, `it says ${sentence}`, () => sentence.exec(process.said())?.[0]);

test('the folder of checkpoints is removed: it is made again, and the run says so', async () => {
  const runDir = join(folder, 'removed');
  const run = train(runDir);
  await recorded(run, runDir, 'a checkpoint', isCheckpoint);
  renameSync(checkpointsOf(runDir), join(folder, 'removed-checkpoints'));
  expectReference(outcomeOf(await run.ended), runDir);
  expect(eventsOf(runDir)).toContainEqual(
    expect.objectContaining({
      message: expect.stringMatching(/checkpoints was removed.*: it is made again$/),
    }),
  );
});

test('the folder of the run is removed: what it takes to continue is written again', async () => {
  const runDir = join(folder, 'run-removed');
  const run = train(runDir);
  await recorded(run, runDir, 'a checkpoint', isCheckpoint);
  renameSync(runDir, join(folder, 'run-aside'));
  await until(run, 'a checkpoint in the new folder', () => existsSync(join(runDir, 'run.json')) || undefined);
  await until(run, 'a checkpoint', () => {
    const checkpoints = checkpointsOf(runDir);
    return existsSync(checkpoints) && listCheckpoints(checkpoints).length > 0 ? true : undefined;
  });
  run.signal('SIGKILL');
  await run.ended;
  const outcome = outcomeOf(await resume(runDir).ended);
  expect(outcome).toMatchObject({ reason: 'completed', step: numSteps });
  expect(outcome.weightsSha256).toBe(reference.weightsSha256);
});

test('no checkpoint can be written for a while: named at once, training goes on, the next ones are written', async () => {
  const runDir = join(folder, 'blocked');
  const run = train(runDir);
  await recorded(run, runDir, 'a checkpoint', isCheckpoint);
  const mend = block(runDir);
  const failed = await recorded(run, runDir, 'a failed checkpoint', hasFailed);
  expect(failed).toMatchObject({ message: expect.stringMatching(/checkpoints is in the way of checkpoint/) });
  await told(run, /checkpoints is in the way of checkpoint/);
  mend();
  expectReference(outcomeOf(await run.ended), runDir);
});

test('no file can grow: metrics, log and checkpoints wait, and nothing is missing afterwards', async () => {
  const runDir = join(folder, 'full');
  // The system's limit on the size of a file stands for a full disk: it can be set and lifted under a live process.
  const run = train(runDir, '--shared-memory', 'false');
  const limit = (bytes: string) =>
    execFileSync('prlimit', ['--pid', `${run.pid}`, `--fsize=${bytes}:`]).toString();
  await recorded(run, runDir, 'a checkpoint', isCheckpoint);
  limit('1');
  await told(
    run,
    /can't be written for checkpoint step-\d+: it is larger than the system lets a file be \(EFBIG\); raise the limit/,
  );
  await told(
    run,
    /metrics.jsonl can't be written for its metrics: it is larger.*; the run goes on, and its metrics wait in memory/,
  );
  limit('unlimited');
  expectReference(outcomeOf(await run.ended), runDir);
  expect(eventsOf(runDir).some(hasFailed)).toBe(true);
  const logged = readFileSync(join(runDir, 'log.jsonl'), 'utf8').trim().split('\n');
  const steps = logged.map((line) => JSON.parse(line)).filter(({ type }) => type === 'validated');
  expect(steps.length).toBe(4);
});

test('told to stop when a checkpoint fails: exit code 3, and --resume goes on once the disk is mended', async () => {
  const runDir = join(folder, 'stop');
  const run = train(runDir, '--on-checkpoint-failure', 'stop');
  await recorded(run, runDir, 'a checkpoint', isCheckpoint);
  const mend = block(runDir);
  const { code, stderr } = await run.ended;
  expect(stderr).toMatch(
    /checkpoints is in the way of checkpoint.*: it is no folder; move it, then continue with --resume/,
  );
  expect(code).toBe(3);
  mend();
  expectReference(outcomeOf(await resume(runDir).ended), runDir);
});

test('asked to stop while no checkpoint can be written: the last one is tried until the disk is mended', async () => {
  const runDir = join(folder, 'last');
  const run = train(runDir);
  await recorded(run, runDir, 'a checkpoint', isCheckpoint);
  const mend = block(runDir);
  await recorded(run, runDir, 'a failed checkpoint', hasFailed);
  run.signal('SIGTERM');
  await told(run, /the run ends without it unless that is mended in \d+ s/);
  mend();
  const stopped = outcomeOf(await run.ended);
  expect(stopped.reason).toBe('stopped');
  expect(verifyCheckpoint(stopped.lastCheckpoint).step).toBe(stopped.step);
  expectReference(outcomeOf(await resume(runDir).ended), runDir);
});

test('a second coordinator for a live run is refused, and changes nothing', async () => {
  const runDir = join(folder, 'second');
  const run = train(runDir);
  await committed(run, runDir, 2);
  const { code, stderr } = await resume(runDir).ended;
  expect(stderr).toMatch(/Process \d+ on \S+ is training in \S+: stop it, or choose another --run-dir/);
  expect(code).toBe(3);
  expectReference(outcomeOf(await run.ended), runDir);
});

test('a coordinator that was thought dead and comes back writes nothing more', async () => {
  const runDir = join(folder, 'fenced');
  const frozen = train(runDir);
  await committed(frozen, runDir, 4);
  frozen.signal('SIGSTOP');
  // To the other one it is on a machine that it can't ask, and its heartbeat is old.
  const term = join(runDir, 'terms', 'term-000001.json');
  const holder = JSON.parse(readFileSync(term, 'utf8'));
  writeFileSync(term, `${JSON.stringify({ ...holder, host: 'elsewhere' }).padEnd(1023)}\n`);
  const longAgo = new Date(Date.now() - 60_000);
  utimesSync(term, longAgo, longAgo);

  const second = resume(runDir);
  await recorded(second, runDir, 'a step of the second', () =>
    existsSync(join(runDir, 'terms/term-000002.json')),
  );
  await committed(second, runDir, 8);
  frozen.signal('SIGCONT');
  const { code, stderr } = await frozen.ended;
  expect(stderr).toMatch(/another coordinator has taken over the run in \S+: this one stops/);
  expect(code).toBe(3);
  expectReference(outcomeOf(await second.ended), runDir);
  const terms = listCheckpoints(checkpointsOf(runDir)).map(
    (name) => verifyCheckpoint(join(checkpointsOf(runDir), name)).term,
  );
  expect(new Set(terms)).toEqual(new Set([2]));
});
