/**
 * TensorBoard's files of a real run, read by TensorBoard itself: every documented tag is there, with the values that the
 * run's own records, evaluations and checkpoints have; also where the coordinator was killed on the way.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { identityOf } from '@unet-fleet/config';
import { describeModel, ignoredLabel, type RunEvent, toTorchLayout } from '@unet-fleet/law';
import { colourMask } from '@unet-fleet/pictures';
import { type Evaluation, loadCheckpoint, openEvaluations, openRunFolder } from '@unet-fleet/record';
import { tags } from '@unet-fleet/telemetry/tensorboard/tags';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { start, unetFleet, until } from './helpers/processes.ts';
import { committed, eventsOf, outcomeOf, sampleFlags } from './helpers/runs.ts';
import { type Board, type BoardHistogram, readWithTensorBoard } from './helpers/tensorboard.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 400_000 });

const folder = mkdtempSync(join(tmpdir(), 'tensorboard-'));
const runDir = join(folder, 'run');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Of<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;
const all = <T extends RunEvent['type']>(type: T) =>
  eventsOf(runDir).filter((event): event is Of<T> => event.type === type);

/** Whether such a tag is in the event file. */
function hasWritten(tag: string): true | undefined {
  const board = join(runDir, 'tensorboard');
  const files = existsSync(board) ? readdirSync(board) : [];
  return files.some((name) => readFileSync(join(board, name)).includes(tag)) || undefined;
}

let flags: string[];
let sha256: string;
let board: Board;

const options = ['--size', '32x48', '--base-width', '4', '--batch-size', '3', '--leaf-size', '1'];
options.push('--epochs', '3', '--validation-share', '0.25', '--threads', '1', '--device', 'cpu');
options.push('--keep-checkpoints', '20', '--workers', '1');

beforeAll(async () => {
  flags = [...(await sampleFlags(join(folder, 'sample'), 32)), ...options];
  const killed = start(['train', ...flags, '--run-dir', runDir, '--checkpoint-every', '3']);
  // Between the first validation, with all that is written of it, and the second.
  await until(
    killed,
    'the first validation is written',
    () => hasWritten('weights/') && hasWritten('masks/'),
  );
  await committed(killed, runDir, 10);
  killed.signal('SIGKILL');
  await killed.ended;
  const resumed = await unetFleet(['train', '--resume', '--run-dir', runDir, '--json']);
  sha256 = outcomeOf(resumed).weightsSha256;
  board = await readWithTensorBoard(join(runDir, 'tensorboard'));
});

it('has every documented tag, and no other', async () => {
  const { record } = openRunFolder(runDir);
  expect(all('evaluation-kept')).toHaveLength(3);
  const followed = (await openEvaluations(runDir).read(8))!.pictures.map(({ sampleId }) => sampleId);
  expect(followed.length).toBeGreaterThan(1);
  const tensors = describeModel(record.model).parameters.map(({ name }) => name);
  const seen = new Set(
    all('validated').flatMap(({ classIou }) => classIou!.flatMap((iou, k) => (iou === null ? [] : k))),
  );
  const parts: Record<string, string[]> = {
    '<class>': record.classNames.filter((_, k) => seen.has(k)),
    '<photo>': followed,
    '<tensor>': tensors,
  };
  const expanded = (tag: string): string[] => {
    const part = Object.keys(parts).find((name) => tag.includes(name));
    return part ? parts[part]!.map((value) => tag.replace(part, value)) : [tag];
  };
  const tagsOf = (kind: string) =>
    tags
      .filter((info) => info.kind === kind)
      .flatMap(({ tag }) => expanded(tag))
      .sort();
  expect(Object.keys(board.scalars).sort()).toEqual(tagsOf('scalar'));
  expect(Object.keys(board.images).sort()).toEqual(tagsOf('picture'));
  expect(Object.keys(board.histograms).sort()).toEqual(tagsOf('histogram'));
  expect(Object.keys(board.plugins).sort()).toEqual(tagsOf('plugin'));
});

it('has the scalars of each step once, with the values of the run, though the run was killed and went on', () => {
  expect(readdirSync(join(runDir, 'tensorboard'))).toHaveLength(2);
  const steps = all('step');
  expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
  const of = (tag: string) => board.scalars[tag]!.map(({ step, value }) => [step, value]);
  const scalars = (pick: (event: Of<'step'>) => number) =>
    steps.map((event) => [event.step, Math.fround(pick(event))]);
  expect(of('Loss/train')).toEqual(scalars(({ loss }) => loss));
  expect(of('learning_rate')).toEqual(scalars(({ learningRate }) => learningRate));
  expect(of('gradient_norm')).toEqual(scalars(({ gradientNorm }) => gradientNorm));
  expect(of('images_per_second')).toEqual(scalars(({ numImages, stepMs }) => (numImages * 1_000) / stepMs));
  const validated = all('validated');
  const scores = (pick: (event: Of<'validated'>) => number | null) =>
    validated.flatMap((event) => {
      const value = pick(event);
      return value === null ? [] : [[event.step, Math.fround(value)]];
    });
  expect(of('Loss/validation')).toEqual(scores(({ loss }) => loss));
  expect(of('IoU/mean')).toEqual(scores(({ meanIou }) => meanIou));
  expect(of('pixel_accuracy')).toEqual(scores(({ pixelAccuracy }) => pixelAccuracy));
  openRunFolder(runDir).record.classNames.forEach((name, k) => {
    expect(board.scalars[`IoU/${name}`]?.map(({ step, value }) => [step, value]) ?? []).toEqual(
      scores(({ classIou }) => classIou![k]!),
    );
  });
});

it('shows each followed photo with its truth and the prediction of each evaluation', async () => {
  const store = openEvaluations(runDir);
  const { config, record } = openRunFolder(runDir);
  const scheme = { classNames: record.classNames, ignoreIndex: ignoredLabel(config.data) };
  const evaluations = await Promise.all(store.steps().map((step) => store.read(step)));
  expect(evaluations).toHaveLength(3);
  for (const evaluation of evaluations as Evaluation[]) {
    for (const [index, { sampleId, width, height }] of evaluation.pictures.entries()) {
      const image = board.images[`masks/${sampleId}`]!.find(({ step }) => step === evaluation.step)!;
      expect(image).toMatchObject({ width: 3 * width + 8, height });
      const png = sharp(Buffer.from(image.png, 'base64'));
      const prediction = await png
        .extract({ left: 2 * (width + 4), top: 0, width, height })
        .raw()
        .toBuffer();
      const classes = inflateSync((await store.readClasses(evaluation.step, index))!);
      const labels = new Uint8Array(classes);
      const expected = colourMask({ width, height, labels }, scheme).pixels;
      expect(prediction.equals(expected)).toBe(true);
    }
  }
});

/** Values up to each limit, counted by hand. */
function check(histogram: BoardHistogram, values: Float32Array): void {
  const sorted = Float64Array.from(values).sort();
  expect(histogram.num).toBe(values.length);
  expect(histogram.min).toBe(sorted[0]);
  expect(histogram.max).toBe(sorted.at(-1));
  let numSoFar = 0;
  histogram.limits.forEach((limit, i) => {
    numSoFar += histogram.counts[i]!;
    const isBelow = (value: number) => (limit > 0 ? value < limit : value <= limit);
    expect(numSoFar).toBe(sorted.filter(isBelow).length);
  });
}

it("has the weights' histograms of each checkpoint that was validated", () => {
  const steps = all('validated').map(({ step }) => step);
  const { parameters } = describeModel(openRunFolder(runDir).record.model);
  for (const step of steps) {
    const name = `step-${String(step).padStart(8, '0')}`;
    const { vectors } = loadCheckpoint(join(runDir, 'checkpoints', name));
    for (const spec of parameters) {
      const histogram = board.histograms[`weights/${spec.name}`]!.find((event) => event.step === step)!;
      const values = vectors.parameters.slice(spec.offset, spec.offset + spec.size);
      check(histogram, toTorchLayout(spec, values));
    }
  }
});

it('has the histograms of the mean gradient of each validated step: together they have its norm', () => {
  const { parameters } = describeModel(openRunFolder(runDir).record.model);
  for (const { step } of all('validated')) {
    const histograms = parameters.map(({ name, size }) => {
      const histogram = board.histograms[`gradients/${name}`]!.find((event) => event.step === step)!;
      expect(histogram.num).toBe(size);
      expect(histogram.counts.reduce((sum, count) => sum + count, 0)).toBe(size);
      return histogram;
    });
    const norm = Math.sqrt(histograms.reduce((sum, { sumSquares }) => sum + sumSquares, 0));
    const { gradientNorm } = all('step').find((event) => event.step === step)!;
    expect(norm / gradientNorm).toBeCloseTo(1, 9);
  }
});

it("tells TensorBoard's plugins the hyper-parameters, the end and the charts", () => {
  const hyperparameters = JSON.parse(identityOf(openRunFolder(runDir).config));
  expect(board.plugins['_hparams_/session_start_info']).toMatchObject({
    sessionStartInfo: { hparams: hyperparameters, groupName: 'run' },
  });
  expect(board.plugins['_hparams_/session_end_info']).toMatchObject({
    sessionEndInfo: { status: 'STATUS_SUCCESS' },
  });
  const { category } = board.plugins.custom_scalars__config__ as {
    category: { chart: { multiline: { tag: string[] } }[] }[];
  };
  const patterns = category.flatMap(({ chart }) => chart.flatMap(({ multiline }) => multiline.tag));
  const missing = patterns.filter(
    (pattern) => !Object.keys(board.scalars).some((tag) => RegExp(pattern).test(tag)),
  );
  expect(missing).toEqual([]);
});

it('is written by an option, and reaches no weight', async () => {
  const plain = join(folder, 'plain');
  const ended = await unetFleet(['train', ...flags, '--tensorboard', 'false', '--run-dir', plain, '--json']);
  expect(outcomeOf(ended).weightsSha256).toBe(sha256);
  expect(readdirSync(plain)).not.toContain('tensorboard');
});

it('is documented tag by tag', () => {
  const text = readFileSync(new URL('../docs/tensorboard.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `(.+?)` \| (\S+) \| (\S+) \| (.+?) \|$/gm)].map(
    ([, ...cells]) => cells,
  );
  expect(rows).toEqual(tags.map(({ tag, kind, when, meaning }) => [tag, kind, when, meaning]));
});
