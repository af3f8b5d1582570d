/** Gathered, written and read back: the whole way of an evaluation, on a real disk. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { type PlanConfig, type RunEvent, reachedMoment } from '@unet-fleet/law';
import { EvaluationWriter, openEvaluations } from '@unet-fleet/record';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CountedAnswer } from '../core/types.ts';
import { EvaluationKeeper, maxLeafEntries } from './evaluation-keeper.ts';

let runDir: string;

beforeEach(() => {
  runDir = mkdtempSync(join(tmpdir(), 'unet-fleet-evaluations-'));
});

afterEach(() => rmSync(runDir, { recursive: true, force: true }));

const numClasses = 3;
/** Photos of 2 x 1 pixels. */
const classes = deflateSync(Uint8Array.of(2, 0));

/** Five validation photos, two a leaf. */
const plan: PlanConfig = {
  numTrainSamples: 8,
  numValidationSamples: 5,
  batchSize: 4,
  leafSize: 2,
  epochs: 2,
  seed: 1,
};

function started({ followed = [1, 4], mayWrite = () => true } = {}) {
  const warnings: string[] = [];
  const kept: [number, number][] = [];
  const onWarning = (message: string) => warnings.push(message);
  const writer = new EvaluationWriter({
    runDir,
    numClasses,
    sizeOf: () => ({ width: 2, height: 1 }),
    mayWrite,
    onWarning,
    onKept: (step, numPictures) => kept.push([step, numPictures]),
    now: () => new Date('2026-01-02T03:04:05.000Z'),
  });
  const keeper = new EvaluationKeeper({
    plan,
    numClasses,
    validationIds: ['v0', 'v1', 'v2', 'v3', 'v4'],
    followed: () => followed,
    writer,
    onWarning,
  });
  return { keeper, writer, warnings, kept };
}

const answer = (version: number, leaf: number, rest: Partial<CountedAnswer> = {}): CountedAnswer => ({
  version,
  node: { level: 0, index: leaf },
  confusion: { indices: [0, 4], counts: [leaf + 1, 10] },
  pictures: [],
  ...rest,
});

const validated = (step: number): RunEvent => ({
  type: 'validated',
  epoch: 1,
  step,
  loss: 0.5,
  pixelAccuracy: 1,
  meanIou: 1,
  classIou: [1, 1, null],
  learningRate: 0.1,
  isBest: true,
});

/** A whole validation, in which the leaves' answers come last first. */
function validate(keeper: EvaluationKeeper, step: number, pictures: CountedAnswer['pictures'] = []): void {
  keeper.event({ type: 'validation-started', step, numImages: 5 });
  for (const leaf of [2, 1, 0]) keeper.counted(answer(step, leaf, { pictures }));
  keeper.event(validated(step));
}

it('keeps what a validation showed, for whoever opens the folder', async () => {
  const { keeper, writer, warnings, kept } = started();
  validate(keeper, 120, [
    { sample: 1, classes },
    { sample: 4, classes },
    { sample: 3, classes },
  ]);
  await writer.flushed();
  const evaluations = openEvaluations(runDir);
  expect(evaluations.steps()).toEqual([120]);
  expect(await evaluations.read(120)).toEqual({
    version: 1,
    step: 120,
    epoch: 1,
    at: '2026-01-02T03:04:05.000Z',
    loss: 0.5,
    pixelAccuracy: 1,
    meanIou: 1,
    classIou: [1, 1, null],
    confusion: { indices: [0, 4], counts: [6, 30] },
    leaves: [
      { sampleIds: ['v0', 'v1'], confusion: { indices: [0, 4], counts: [1, 10] } },
      { sampleIds: ['v2', 'v3'], confusion: { indices: [0, 4], counts: [2, 10] } },
      { sampleIds: ['v4'], confusion: { indices: [0, 4], counts: [3, 10] } },
    ],
    pictures: ['v1', 'v4'].map((sampleId) => ({ sampleId, width: 2, height: 1, bytesPerPixel: 1 })),
  });
  expect(await evaluations.readClasses(120, 1)).toEqual(classes);
  expect(await evaluations.readClasses(120, 2)).toBeNull();
  expect(kept).toEqual([[120, 2]]);
  expect(warnings).toEqual([]);
  expect(readdirSync(join(runDir, 'evaluations')).sort()).toEqual(['step-00000120', 'step-00000120.json']);
});

it('gathers answers of the validation that is on alone', async () => {
  const { keeper, writer } = started();
  keeper.event({ type: 'validation-started', step: 3, numImages: 5 });
  keeper.counted(answer(3, 0));
  // Broken off, for instance because the run was stopped and went on.
  keeper.event({ type: 'validation-started', step: 4, numImages: 5 });
  keeper.counted(answer(3, 1));
  keeper.counted(answer(4, 1));
  keeper.event(validated(4));
  await writer.flushed();
  const evaluation = await openEvaluations(runDir).read(4);
  expect(evaluation?.confusion).toEqual({ indices: [0, 4], counts: [2, 10] });
  expect(evaluation?.leaves).toHaveLength(1);
});

it('leaves out the matrices of leaves where they are too many, and keeps the whole one', async () => {
  const { keeper, writer } = started();
  keeper.event({ type: 'validation-started', step: 1, numImages: 5 });
  const indices = Array.from({ length: maxLeafEntries }, (_, i) => i % 9);
  const counts = indices.map(() => 1);
  keeper.counted(answer(1, 0));
  keeper.counted(answer(1, 1, { confusion: { indices, counts } }));
  keeper.event(validated(1));
  await writer.flushed();
  const evaluation = await openEvaluations(runDir).read(1);
  expect(evaluation?.leaves).toEqual([]);
  expect(evaluation?.confusion.counts.reduce((sum, count) => sum + count, 0)).toBe(maxLeafEntries + 11);
});

it('warns once of predictions that no message has room for, and keeps none that is damaged', async () => {
  const { keeper, writer, warnings, kept } = started();
  const none = new Uint8Array();
  validate(keeper, 1, [
    { sample: 1, classes: none },
    { sample: 4, classes: deflateSync(Uint8Array.of(2, 3)) },
  ]);
  await writer.flushed();
  validate(keeper, 2, [{ sample: 1, classes: none }]);
  await writer.flushed();
  expect(kept).toEqual([
    [1, 0],
    [2, 0],
  ]);
  expect(warnings).toEqual([
    expect.stringContaining('the prediction of v1 is too large for a message'),
    'the prediction of v4 is damaged and is not kept',
  ]);
});

it('drops evaluations of steps that will be done again, and replaces one that is done again', async () => {
  const { keeper, writer } = started();
  for (const step of [10, 20, 30]) {
    validate(keeper, step, [{ sample: 1, classes }]);
    await writer.flushed();
  }
  const resumed = started({ followed: [4] });
  resumed.writer.dropAfter(reachedMoment({ version: 20, validationPending: false }));
  expect(openEvaluations(runDir).steps()).toEqual([10, 20]);
  expect(existsSync(join(runDir, 'evaluations', 'step-00000030'))).toBe(false);
  validate(resumed.keeper, 20, [{ sample: 4, classes }]);
  await resumed.writer.flushed();
  expect((await openEvaluations(runDir).read(20))?.pictures.map(({ sampleId }) => sampleId)).toEqual(['v4']);
});

it('writes nothing once the run belongs to another coordinator', async () => {
  const { keeper, writer, kept } = started({ mayWrite: () => false });
  validate(keeper, 1);
  await writer.flushed();
  writer.dropAfter(0);
  expect(kept).toEqual([]);
  expect(readdirSync(runDir)).toEqual([]);
});

it('says once that the disk fails, and goes on', async () => {
  const { keeper, writer, warnings } = started();
  writeFileSync(join(runDir, 'evaluations'), 'a file where the folder should be');
  validate(keeper, 1);
  validate(keeper, 2);
  await writer.flushed();
  expect(warnings).toEqual([expect.stringContaining('an evaluation could not be written')]);
  rmSync(join(runDir, 'evaluations'));
  validate(keeper, 3);
  await writer.flushed();
  expect(openEvaluations(runDir).steps()).toEqual([3]);
});

it('lets a bounded number of evaluations wait for a slow disk', async () => {
  const { keeper, writer, warnings } = started();
  for (const step of [1, 2, 3, 4]) validate(keeper, step);
  await writer.flushed();
  expect(openEvaluations(runDir).steps()).toEqual([1, 2]);
  expect(warnings).toEqual([expect.stringContaining('the disk is too slow')]);
});

it('takes nothing else for an evaluation', async () => {
  const { keeper, writer } = started();
  validate(keeper, 5);
  await writer.flushed();
  const folder = join(runDir, 'evaluations');
  const good = (await openEvaluations(runDir).read(5)) as object;
  const damaged: Record<number, unknown> = {
    6: good,
    7: { ...good, step: 7, version: 2 },
    8: { ...good, step: 8, confusion: { indices: [9], counts: [1] } },
    9: { ...good, step: 9, confusion: { indices: [1, 2], counts: [1] } },
    10: { ...good, step: 10, pictures: [{ sampleId: 'v', width: 2, height: -1, bytesPerPixel: 1 }] },
    11: { ...good, step: 11, meanIou: 'high' },
  };
  for (const [step, value] of Object.entries(damaged)) {
    writeFileSync(join(folder, `step-${step.padStart(8, '0')}.json`), JSON.stringify(value));
  }
  writeFileSync(join(folder, 'step-00000012.json'), '{"version":1,');
  mkdirSync(join(folder, 'step-00000013.json'));
  writeFileSync(join(folder, 'notes.txt'), '');
  const evaluations = openEvaluations(runDir);
  expect(evaluations.steps()).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13]);
  for (const step of [6, 7, 8, 9, 10, 11, 12, 13, 99]) expect(await evaluations.read(step)).toBeNull();
  for (const picture of [-1, 0.5, 12, 99]) expect(await evaluations.readClasses(5, picture)).toBeNull();
  expect(openEvaluations(join(runDir, 'nowhere')).steps()).toEqual([]);
});
