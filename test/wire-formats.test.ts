/**
 * The law with formats that lose bits, with real processes: how many workers there are, over which carrier, and who dies
 * changes no bit, because every node is rounded wherever it is computed; a replay computes with what workers had, and so does
 * an evaluation.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunOutcome } from '@unet-fleet/coordinator';
import { describeModel, packedBytes, type RunEvent, wireFormats } from '@unet-fleet/law';
import { loadCheckpoint, openRunFolder, readLedger } from '@unet-fleet/record';
import type { ReplayReport } from '@unet-fleet/replay';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { trainPlainly } from './helpers/plain-loop.ts';
import { childrenOf, type Started, start, unetFleet } from './helpers/processes.ts';
import { committed, courseOf, eventsOf, outcomeOf, sampleFlags, sharedMemoryOf } from './helpers/runs.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

/** Steps of 7 photos (leaves of 2, 2, 2 and 1), the last of an epoch of 6. */
const recipe = [
  ...['--size', '48x64', '--base-width', '4', '--batch-size', '7', '--leaf-size', '2', '--epochs', '2'],
  ...['--seed', '3', '--device', 'cpu', '--threads', '1', '--checkpoint-every', '2', '--lease-seconds', '3'],
  ...['--dashboard', 'false', '--tensorboard', 'false'],
];
const numSteps = 8;

const folder = mkdtempSync(join(tmpdir(), 'wire-formats-'));
let data: string[] = [];
beforeAll(async () => {
  data = await sampleFlags(join(folder, 'sample'), 30);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** As text, because a failed comparison of long arrays would print them. */
const bitsOf = (values: Float32Array): string =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');

describe.each(['bf16', 'int8'] as const)('--wire %s', (wire) => {
  const referenceDir = join(folder, wire);
  let reference: RunOutcome;
  const train = (runDir: string, ...flags: string[]): Started =>
    start(['train', ...data, ...recipe, '--wire', wire, '--run-dir', runDir, '--json', ...flags]);

  function expectReference(outcome: RunOutcome, runDir: string): void {
    expect(outcome).toMatchObject({ reason: 'completed', step: numSteps });
    expect(courseOf(runDir)).toEqual(courseOf(referenceDir));
    expect(outcome.weightsSha256).toBe(reference.weightsSha256);
  }

  beforeAll(async () => {
    reference = outcomeOf(await train(referenceDir, '--workers', '1').ended);
  });

  test('the weights are those of a plain loop that rounds every node', async () => {
    const plain = await trainPlainly(referenceDir);
    const { vectors } = loadCheckpoint(reference.lastCheckpoint);
    expect(bitsOf(plain.parameters)).toEqual(bitsOf(vectors.parameters));
    expect(bitsOf(plain.statistics)).toEqual(bitsOf(vectors.statistics));
  });

  test('three workers give the weights of one', async () => {
    const runDir = join(folder, `${wire}-workers`);
    expectReference(outcomeOf(await train(runDir, '--workers', '3', '--min-workers', '3').ended), runDir);
    expect(sharedMemoryOf(runDir)).toContain('/dev/shm/');
  });

  test('two workers over NATS, one of which is killed, give the weights of one', async () => {
    const runDir = join(folder, `${wire}-nats`);
    const run = train(runDir, '--workers', '2', '--min-workers', '2', '--shared-memory', 'false');
    await committed(run, runDir, 2);
    process.kill(childrenOf(run.pid, 'worker')[1]!, 'SIGKILL');
    expectReference(outcomeOf(await run.ended), runDir);
    expect(sharedMemoryOf(runDir)).toBeNull();
  });

  test('an answer has the bytes that it had on its way, and a replay finds its bits', async () => {
    const { numParameters, numStatistics } = describeModel(openRunFolder(referenceDir).record.model);
    const [first] = readLedger(join(referenceDir, 'ledger.jsonl')).lines;
    const gradientBytes = packedBytes(wireFormats[wire].gradients, numParameters);
    expect(first!.answers.map(({ numBytes }) => numBytes)).toEqual(
      first!.answers.map(({ leaves }) => gradientBytes + leaves.length * numStatistics * 4),
    );
    for (const flags of [[], ['--from-start']]) {
      const { code, stdout } = await unetFleet(['replay', referenceDir, ...flags, '--json']);
      const report: ReplayReport = JSON.parse(stdout);
      expect({ code, isSame: report.isSame, step: report.step }).toEqual({
        code: 0,
        isSame: true,
        step: numSteps,
      });
    }
  });

  test('an evaluation scores what the validation of the run scored', async () => {
    const out = join(folder, `${wire}-scores`);
    const flags = ['--checkpoint', 'newest', '--device', 'cpu', '--threads', '1', '--out', out, '--json'];
    const { stdout } = await unetFleet(['evaluate', referenceDir, ...flags]);
    const validated = eventsOf(referenceDir).findLast(
      (event): event is Extract<RunEvent, { type: 'validated' }> => event.type === 'validated',
    );
    expect(JSON.parse(stdout).metrics.meanIou).toBe(validated!.meanIou);
  });
});

test('a run with another format is another run', async () => {
  const runDir = join(folder, 'bf16');
  const ended = await start([
    'train',
    '--continue',
    ...data,
    ...recipe,
    '--wire',
    'int8',
    '--run-dir',
    runDir,
  ]).ended;
  expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('--wire bf16 there, int8 here') });
});
