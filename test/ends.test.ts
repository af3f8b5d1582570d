/**
 * How a run ends and what comes after it, with real processes: one that has ended by its own rules stays so, whoever
 * starts it again; one that is given more epochs, another rate or more patience goes on in a way that a crash does not
 * change, that a new run repeats and that a replay knows; one that was killed before its first checkpoint is found.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunOutcome } from '@unet-fleet/coordinator';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { start, unetFleet } from './helpers/processes.ts';
import { committed, courseOf, eventsOf, outcomeOf, sampleFlags } from './helpers/runs.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const folder = mkdtempSync(join(tmpdir(), 'ends-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Four steps an epoch. */
const recipe = [
  ...['--size', '48x64', '--base-width', '4', '--batch-size', '6', '--leaf-size', '2', '--seed', '3'],
  ...['--device', 'cpu', '--threads', '1', '--dashboard', 'false', '--tensorboard', 'false', '--json'],
];
const short = [...recipe, '--epochs', '1', '--schedule', 'cosine'];
const shortDir = join(folder, 'short');
let data: string[] = [];
let ofShort: RunOutcome;

beforeAll(async () => {
  data = await sampleFlags(join(folder, 'sample'), 26);
  ofShort = outcomeOf(await unetFleet(['train', ...data, ...short, '--run-dir', shortDir]));
});

const interventionsOf = (runDir: string) =>
  JSON.parse(readFileSync(join(runDir, 'interventions.json'), 'utf8')).interventions;

/** A new run with the config that the other began with and its interventions goes the way that it went. */
async function expectRepeated(runDir: string, outcome: RunOutcome, flags: readonly string[]): Promise<void> {
  const again = `${runDir}-again`;
  const given = ['--interventions', join(runDir, 'interventions.json'), '--run-dir', again];
  const repeated = outcomeOf(await unetFleet(['train', ...data, ...flags, ...given]));
  expect(repeated.weightsSha256).toBe(outcome.weightsSha256);
  expect(courseOf(again)).toEqual(courseOf(runDir));
}

test('a run that was killed before its first checkpoint is found and goes on from its start', async () => {
  const cwd = mkdtempSync(join(folder, 'home-'));
  const runDir = join(cwd, 'runs', '0001');
  const killed = start(['train', ...data, ...short, '--checkpoint-every', '0'], { cwd });
  await committed(killed, runDir, 2);
  killed.signal('SIGKILL');
  await killed.ended;
  const resumed = outcomeOf(await unetFleet(['train', '--resume', '--json'], { cwd }));
  expect(resumed).toMatchObject({ reason: 'completed', runDir, weightsSha256: ofShort.weightsSha256 });
  expect(courseOf(runDir)).toEqual(courseOf(shortDir));
});

test('a finished run is given more epochs and another rate: kept through a kill, repeated by a new run, known to a replay', async () => {
  expect(ofShort).toMatchObject({ reason: 'completed', step: 4 });
  // As a supervisor does: the same command until it is done, and once more.
  const longer = ['train', ...data, ...short, '--continue', '--run-dir', shortDir, '--checkpoint-every', '2'];
  longer.push('--epochs', '3', '--learning-rate', '0.0005');
  const killed = start(longer);
  await committed(killed, shortDir, 7);
  killed.signal('SIGKILL');
  await killed.ended;
  const outcome = outcomeOf(await unetFleet(longer));
  expect(outcome).toMatchObject({ reason: 'completed', step: 12 });
  expect(interventionsOf(shortDir)).toEqual([
    expect.objectContaining({ step: 5, learningRate: 0.0005, options: { epochs: 3, learningRate: 0.0005 } }),
  ]);
  const rates = courseOf(shortDir).map(({ learningRate }) => learningRate);
  // From there the cosine of a run of 12 steps, which gives 0.00075 at the fifth, scaled to 0.0005.
  expect(rates[4]).toBe(0.0005);
  for (let step = 5; step < 12; step++) {
    const cosine = (0.001 * (1 + Math.cos((Math.PI * step) / 12))) / 2;
    expect(rates[step]).toBeCloseTo((0.0005 * cosine) / 0.00075, 12);
  }
  await expectRepeated(shortDir, outcome, short);
  const replayed = await unetFleet(['replay', shortDir, '--step', '7', '--json']);
  expect([replayed.code, replayed.stderr]).toEqual([0, expect.any(String)]);
  const refused = await unetFleet(['train', '--resume', '--run-dir', shortDir, '--seed', '4']);
  const sentence = /another config \(--seed 3 there, 4 here\).*only --epochs, .* can be given anew/;
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(sentence) });
});

test('a run that early stopping has ended stays so, until it is given more patience', async () => {
  const runDir = join(folder, 'early');
  const flags = [...recipe, '--epochs', '9', '--validate-every', '1', '--learning-rate', '0.02'];
  const impatient = [...flags, '--early-stopping', '1'];
  const again = (...more: string[]) =>
    unetFleet(['train', ...data, ...impatient, '--continue', '--run-dir', runDir, ...more]);
  const ended = outcomeOf(await again());
  expect(ended.reason).toBe('early-stopping');
  const restarted = await again();
  expect(restarted.code).toBe(0);
  expect(outcomeOf(restarted)).toMatchObject({
    reason: 'early-stopping',
    step: ended.step,
    weightsSha256: ended.weightsSha256,
  });
  const patient = outcomeOf(await again('--early-stopping', '2', '--epochs', '2'));
  expect(patient.step).toBeGreaterThan(ended.step);
  expect(eventsOf(runDir)).toContainEqual(
    expect.objectContaining({
      type: 'options-changed',
      step: ended.step + 1,
      changes: [
        { flag: '--epochs', from: 9, to: 2 },
        { flag: '--early-stopping', from: 1, to: 2 },
      ],
    }),
  );
  await expectRepeated(runDir, patient, impatient);
});
