/**
 * A loss that needs sums over the whole batch before any gradient, with real processes: how many workers there are, who dies
 * between the two rounds of a step and when the run is stopped changes no bit; and a replay sums for itself.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunOutcome } from '@unet-fleet/coordinator';
import { loadCheckpoint, readLedger } from '@unet-fleet/record';
import type { ReplayReport } from '@unet-fleet/replay';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { copyOf } from './helpers/folders.ts';
import { trainPlainly } from './helpers/plain-loop.ts';
import { childrenOf, type Started, start, unetFleet } from './helpers/processes.ts';
import { committed, courseOf, outcomeOf, sampleFlags } from './helpers/runs.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const recipe = [
  ...[
    '--loss',
    'batch-dice',
    '--size',
    '48x64',
    '--base-width',
    '4',
    '--batch-size',
    '7',
    '--leaf-size',
    '2',
  ],
  ...['--epochs', '2', '--seed', '3', '--device', 'cpu', '--threads', '1', '--checkpoint-every', '2'],
  ...['--lease-seconds', '3', '--dashboard', 'false', '--tensorboard', 'false'],
];
const numSteps = 8;

const folder = mkdtempSync(join(tmpdir(), 'two-passes-'));
const referenceDir = join(folder, 'reference');
let data: string[] = [];
let reference: RunOutcome;

const train = (runDir: string, ...flags: string[]): Started =>
  start(['train', ...data, ...recipe, '--run-dir', runDir, '--json', ...flags]);

const totalsOf = (runDir: string) =>
  readLedger(join(runDir, 'ledger.jsonl')).lines.map(({ firstPass }) => firstPass!.totalsSha256);

function expectReference(outcome: RunOutcome, runDir: string): void {
  expect(outcome).toMatchObject({ reason: 'completed', step: numSteps });
  expect(courseOf(runDir)).toEqual(courseOf(referenceDir));
  expect(totalsOf(runDir)).toEqual(totalsOf(referenceDir));
  expect(outcome.weightsSha256).toBe(reference.weightsSha256);
}

/** As text, because a failed comparison of long arrays would print them. */
const bitsOf = (values: Float32Array): string =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');

beforeAll(async () => {
  data = await sampleFlags(join(folder, 'sample'), 30);
  reference = outcomeOf(await train(referenceDir, '--workers', '1').ended);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the loss falls, and each step has totals of its own', () => {
  const losses = courseOf(referenceDir).map(({ loss }) => loss!);
  expect(losses.at(-1)).toBeLessThan(losses[0]!);
  expect(new Set(totalsOf(referenceDir)).size).toBe(numSteps);
});

test('the weights are those of a plain loop over batches and leaves', async () => {
  const plain = await trainPlainly(referenceDir);
  const { vectors } = loadCheckpoint(reference.lastCheckpoint);
  expect(bitsOf(plain.parameters)).toEqual(bitsOf(vectors.parameters));
  expect(bitsOf(plain.statistics)).toEqual(bitsOf(vectors.statistics));
});

test.each(['2', '3'])('%s workers give the weights of one', async (workers) => {
  const runDir = join(folder, `workers-${workers}`);
  expectReference(
    outcomeOf(await train(runDir, '--workers', workers, '--min-workers', workers).ended),
    runDir,
  );
});

test('a worker that is killed is replaced, and so is what it had to sum', async () => {
  const runDir = join(folder, 'killed-worker');
  const run = train(runDir, '--workers', '2', '--min-workers', '2');
  await committed(run, runDir, 2);
  process.kill(childrenOf(run.pid, 'worker')[1]!, 'SIGKILL');
  expectReference(outcomeOf(await run.ended), runDir);
});

test('a run that is stopped, then killed with its coordinator, goes on to the weights of one that was not', async () => {
  const runDir = join(folder, 'resumed');
  const stopped = train(runDir, '--workers', '2');
  await committed(stopped, runDir, 2);
  stopped.signal('SIGINT');
  expect((await stopped.ended).code).toBe(4);
  const resume = () => start(['train', '--resume', '--run-dir', runDir, '--json']);
  const killed = resume();
  await committed(killed, runDir, 5);
  killed.signal('SIGKILL');
  await killed.ended;
  expectReference(outcomeOf(await resume().ended), runDir);
});

test('a replay finds nothing in a run that went right, and names who summed another leaf', async () => {
  const replay = async (runDir: string) => {
    const { code, stdout } = await unetFleet(['replay', runDir, '--from-start', '--json']);
    return { code, report: JSON.parse(stdout) as ReplayReport };
  };
  expect(await replay(referenceDir)).toMatchObject({ code: 0, report: { isSame: true, step: numSteps } });

  const copy = copyOf(referenceDir, join(folder, 'other-sums'));
  const path = join(copy, 'ledger.jsonl');
  const [first, ...others] = readFileSync(path, 'utf8').split('\n');
  const line = JSON.parse(first!);
  const { totalsSha256 } = line.firstPass;
  line.firstPass.answers[2].sha256 = totalsSha256;
  writeFileSync(path, [JSON.stringify(line), ...others].join('\n'));
  const { code, report } = await replay(copy);
  expect(code).toBe(5);
  const named = [{ leaf: 2, worker: 'worker-1' }];
  expect(report.steps).toMatchObject([{ step: 1, firstPass: { answers: named }, answers: [] }]);
  const told = await unetFleet(['replay', copy, '--from-start']);
  expect(told.stdout + told.stderr).toMatch(/worker-1 .* another part of the sums over the batch for leaf 2/);
});
