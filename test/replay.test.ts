/**
 * The ledger and its replay, with real processes: a run that went right replays without a difference, a worker whose
 * numbers are wrong is named though all it sent was valid, and numbers that are not finite never reach a weight.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, startBroker } from '@unet-fleet/coordinator';
import { type LedgerLine, openRunFolder, readLedger } from '@unet-fleet/record';
import type { ReplayReport } from '@unet-fleet/replay';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { copyOf, cutInHalf } from './helpers/folders.ts';
import { type Ended, start, unetFleet } from './helpers/processes.ts';
import { rareClassFlags } from './helpers/rare-class.ts';
import { eventsOf, outcomeOf, sampleFlags } from './helpers/runs.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const folder = mkdtempSync(join(tmpdir(), 'replay-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const differs = 5;
const recipe = [
  ...['--size', '48x64', '--base-width', '4', '--batch-size', '6', '--leaf-size', '2', '--epochs', '2'],
  ...[
    '--seed',
    '3',
    '--device',
    'cpu',
    '--threads',
    '1',
    '--checkpoint-every',
    '2',
    '--keep-checkpoints',
    '50',
  ],
  ...['--dashboard', 'false', '--tensorboard', 'false'],
];

const linesOf = (runDir: string): LedgerLine[] => readLedger(join(runDir, 'ledger.jsonl')).lines;
const replay = (runDir: string, ...flags: string[]): Promise<Ended> =>
  unetFleet(['replay', runDir, '--json', ...flags]);
/** What a command with --json printed. */
const printed = ({ stdout, stderr }: Ended) => {
  if (!stdout) throw new Error(`nothing was printed but:\n${stderr}`);
  return JSON.parse(stdout);
};
const reportOf = (ended: Ended): ReplayReport => printed(ended);

/** Steps before this one that the run kept, the nearest first: a slow disk may have been spared some of them. */
const keptBefore = (runDir: string, step: number): number[] =>
  readdirSync(join(runDir, 'checkpoints'))
    .map((name) => Number(/^step-(\d+)$/.exec(name)?.[1] ?? step))
    .filter((kept) => kept < step)
    .sort((a, b) => b - a);
const checkpointName = (step: number) => `step-${String(step).padStart(8, '0')}`;

/** Of each step all that decides the weights, without who did it and when. */
const numbersOf = (runDir: string) =>
  linesOf(runDir).map(({ step, gradientSha256, samplesSha256, gradientNorm, weightSum, skippedLeaves }) => ({
    step,
    gradientSha256,
    samplesSha256,
    gradientNorm,
    weightSum,
    skippedLeaves,
  }));

describe('a run in which all went right', () => {
  const alone = join(folder, 'alone');
  const together = join(folder, 'together');
  beforeAll(async () => {
    const data = await sampleFlags(join(folder, 'sample'), 20);
    const clipped = [...recipe, '--clip', 'norm', '--clip-limit', '0.5', '--class-weights', 'balanced'];
    const train = (runDir: string, workers: string) =>
      unetFleet([
        ...['train', ...data, ...clipped, '--run-dir', runDir, '--json'],
        ...['--workers', workers, '--min-workers', workers],
      ]);
    outcomeOf(await train(alone, '1'));
    outcomeOf(await train(together, '2'));
  });

  test('has one line for each step, with the same numbers for one worker and for two', () => {
    expect(linesOf(alone).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(numbersOf(together)).toEqual(numbersOf(alone));
    expect(
      new Set(linesOf(together).flatMap(({ answers }) => answers.map(({ worker }) => worker))).size,
    ).toBe(2);
    for (const { answers, numLeaves } of linesOf(together)) {
      expect(answers.flatMap(({ leaves }) => leaves)).toHaveLength(numLeaves);
      for (const { sha256 } of answers) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  test('replays without a difference: the last step from its checkpoint, and all from the first weights', async () => {
    const last = await replay(together);
    expect(last.code).toBe(0);
    expect(reportOf(last)).toMatchObject({
      step: 6,
      isSame: true,
      beganAfterStep: keptBefore(together, 6)[0],
    });
    const all = await replay(together, '--from-start');
    expect(all.code).toBe(0);
    expect(reportOf(all)).toMatchObject({ step: 6, isSame: true, beganAfterStep: 0, checkpoint: null });
    expect(reportOf(all).steps.map(({ step, isSame }) => [step, isSame])).toEqual(
      [1, 2, 3, 4, 5, 6].map((step) => [step, true]),
    );
  });

  test('replays from an older checkpoint when the nearest is damaged', async () => {
    const copy = copyOf(together, join(folder, 'damaged'));
    const [nearest, before] = keptBefore(copy, 5);
    cutInHalf(join(copy, 'checkpoints', checkpointName(nearest!), 'model.safetensors'));
    const ended = await replay(copy, '--step', '5');
    expect(ended.stderr).toMatch(/warning: .* is damaged: .*: the one before it is used/);
    expect(reportOf(ended)).toMatchObject({ step: 5, isSame: true, beganAfterStep: before });
  });

  test('is summarised for a person and for a program', async () => {
    const { code, stdout } = await unetFleet(['ledger', together]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/worker-1 +\d+ leaves \(\d+\.\d %\)/);
    const summary = printed(await unetFleet(['ledger', together, '--json']));
    expect(summary).toMatchObject({ numSteps: 6, numLeaves: 18, missing: [], skipped: [] });
    const one = printed(await unetFleet(['ledger', together, '--step', '2', '--json']));
    const { split } = openRunFolder(together);
    expect(one).toMatchObject({ step: 2, hasOtherSamples: false });
    expect(one.samples.flat()).toHaveLength(6);
    expect(split.train).toEqual(expect.arrayContaining(one.samples.flat()));
  });

  test('a step that is not there is named', async () => {
    const { code, stderr } = await replay(together, '--step', '7');
    expect(code).toBe(2);
    expect(stderr).toMatch(/has no step 7: choose one of 1 to 6/);
  });
});

describe('a worker whose numbers are wrong', () => {
  const runDir = join(folder, 'lied-to');
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker({ port: 0, folder: join(folder, 'broker') });
    const as = ({ user, password }: { user: string; password: string }) => ({
      UNET_FLEET_NATS_USER: user,
      UNET_FLEET_NATS_PASSWORD: password,
    });
    const env = as(broker.worker);
    const lying = new URL('./helpers/lying-worker.mjs', import.meta.url).href;
    const worker = ['worker', '--nats-url', broker.url, '--name'];
    start([...worker, 'honest'], { env });
    start([...worker, 'liar'], { env: { ...env, NODE_OPTIONS: `--import ${lying}` } });
    const data = await sampleFlags(join(folder, 'other-sample'), 20);
    const coordinator = ['coordinator', '--nats-url', broker.url, '--run-dir', runDir, '--json'];
    const flags = [...data, ...recipe, '--min-workers', '2'];
    outcomeOf(await unetFleet([...coordinator, ...flags], { env: as(broker) }));
  });
  afterAll(() => broker.stop());
  const stepsOfLiar = (): LedgerLine[] =>
    linesOf(runDir).filter(({ answers }) => answers.some(({ worker }) => worker === 'liar'));

  test('is found by a replay, which names it and the leaf, and nobody else', async () => {
    const ended = await replay(runDir, '--from-start');
    expect(ended.code).toBe(differs);
    const { isSame, steps } = reportOf(ended);
    expect(isSame).toBe(false);
    const found = steps.at(-1)!;
    expect(steps.slice(0, -1).every((step) => step.isSame)).toBe(true);
    expect(found.answers.map(({ worker }) => worker)).toEqual(found.answers.map(() => 'liar'));
    const [first] = stepsOfLiar();
    expect(found.step).toBe(first!.step);
    const nodes = first!.answers.filter(({ worker }) => worker === 'liar').map(({ node }) => node);
    expect(found.answers.map(({ node }) => node)).toEqual(nodes);
    for (const { leaves, differing } of found.answers) {
      expect(differing.map(({ leaf }) => leaf)).toEqual(leaves);
      for (const { samples } of differing) expect(samples.length).toBeGreaterThan(0);
    }
  });

  test('is named in words, for any step that it took part in', async () => {
    const last = stepsOfLiar().at(-1)!;
    const { code, stdout } = await unetFleet(['replay', runDir, '--step', `${last.step}`]);
    expect(code).toBe(differs);
    expect(stdout).toMatch(/^step \d differs from the ledger$/m);
    expect(stdout).toMatch(/liar \(.*\) delivered other numbers for lea(f|ves) \d/);
    expect(stdout).not.toMatch(/honest/);
  });
});

describe('a leaf whose gradient is not finite', () => {
  /** A weight that a loss can bear, and a gradient cannot. */
  const overflowing = ['--class-weights', '1,1,3e38', '--size', '48x32'];
  let data: string[];
  /** Of a photo that is in training, whatever the split. */
  const rare = '05';
  const train = (name: string, ...flags: string[]) =>
    unetFleet([
      'train',
      ...data,
      ...recipe,
      ...overflowing,
      '--run-dir',
      join(folder, name),
      '--json',
      ...flags,
    ]);
  beforeAll(async () => {
    data = await rareClassFlags(join(folder, 'rare'), 14, Number(rare));
  });

  test('ends the run, which names step, leaf, samples and worker', async () => {
    const { code, stderr } = await train('stopped');
    expect(code).toBe(2);
    expect(stderr).toMatch(/leaf \d of step [123] is not a finite number \(computed by worker-1\)/);
    expect(stderr).toMatch(/samples are (05, \d\d|\d\d, 05)/);
  });

  test('is skipped when told so, with the same weights for one worker and for two', async () => {
    const skip = ['--on-non-finite', 'skip'];
    const alone = outcomeOf(await train('skipped', ...skip));
    const together = outcomeOf(
      await train('skipped-by-two', ...skip, '--workers', '2', '--min-workers', '2'),
    );
    expect(together.weightsSha256).toBe(alone.weightsSha256);
    const [runDir, other] = [join(folder, 'skipped'), join(folder, 'skipped-by-two')];
    expect(numbersOf(other)).toEqual(numbersOf(runDir));
    const skipped = linesOf(runDir).filter(({ skippedLeaves }) => skippedLeaves.length > 0);
    // The photo comes once in each of the two epochs.
    expect(skipped.map(({ epoch }) => epoch)).toEqual([1, 2]);
    for (const { weightSum, gradientNorm } of linesOf(runDir)) {
      expect(weightSum).toBeLessThan(1e6);
      expect(gradientNorm).toBeLessThan(1e6);
    }
    const summary = printed(await unetFleet(['ledger', runDir, '--json']));
    expect(summary.skipped).toHaveLength(2);
    for (const { samples } of summary.skipped) expect(samples).toContain(rare);
    const warned = eventsOf(runDir).filter(({ type }) => type === 'leaf-skipped');
    expect(warned.length).toBeGreaterThanOrEqual(2);
    const replayed = await replay(other, '--from-start');
    expect(replayed.code).toBe(0);
    expect(reportOf(replayed).isSame).toBe(true);
  });
});
