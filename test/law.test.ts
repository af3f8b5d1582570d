/**
 * The law, with real processes: the weights that a run ends with are a function of its config, its data and its seed.
 * How many workers there are, how their results travel, which process dies or is stopped and when: not one bit changes.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, type RunOutcome, startBroker } from '@unet-fleet/coordinator';
import { epochOrder, type PlanConfig, stepPlan, stepsPerEpoch, trainLeafSamples } from '@unet-fleet/law';
import { loadCheckpoint } from '@unet-fleet/record';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePort, startNatsServer } from './helpers/nats-server.ts';
import { trainPlainly } from './helpers/plain-loop.ts';
import { childrenOf, type Started, start, until } from './helpers/processes.ts';
import {
  committed,
  courseOf,
  eventsOf,
  outcomeOf,
  recorded,
  sampleFlags,
  sharedMemoryOf,
} from './helpers/runs.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

/** 38 photos to train on: five batches of 7 (leaves of 2, 2, 2 and 1) and a last one of 3 (leaves of 2 and 1). */
const numPhotos = 42;
const plan: PlanConfig = {
  numTrainSamples: 38,
  numValidationSamples: 4,
  batchSize: 7,
  leafSize: 2,
  epochs: 2,
  seed: 3,
};
const numSteps = 12;
const recipe = [
  ...['--size', '48x64', '--base-width', '4', '--batch-size', '7', '--leaf-size', '2', '--epochs', '2'],
  ...['--seed', '3', '--device', 'cpu', '--threads', '1', '--checkpoint-every', '2', '--lease-seconds', '3'],
];

/** The reference has page and TensorBoard's files, which are threads of a run that change no bit; the others do without. */
const quiet = ['--dashboard', 'false', '--tensorboard', 'false'];

const folder = mkdtempSync(join(tmpdir(), 'law-'));
let data: string[] = [];
let reference: RunOutcome;
const referenceDir = join(folder, 'reference');

const train = (runDir: string, ...flags: string[]): Started =>
  start(['train', ...data, ...recipe, ...quiet, '--run-dir', runDir, '--json', ...flags]);
const resume = (runDir: string, ...flags: string[]): Started =>
  start(['train', '--resume', '--run-dir', runDir, '--json', ...flags]);

/** All that training decides is as in the reference: the weights, and each step on the way to them. */
function expectReference(outcome: RunOutcome, runDir: string): void {
  expect(outcome).toMatchObject({ reason: 'completed', step: numSteps });
  expect(courseOf(runDir)).toEqual(courseOf(referenceDir));
  expect(outcome.weightsSha256).toBe(reference.weightsSha256);
}

/** As text, because a failed comparison of long arrays would print them. */
const bitsOf = (values: Float32Array): string =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');

beforeAll(async () => {
  data = await sampleFlags(join(folder, 'sample'), numPhotos);
  const flags = ['--workers', '1', '--dashboard', 'true', '--dashboard-port', '0', '--tensorboard', 'true'];
  reference = outcomeOf(await train(referenceDir, ...flags).ended);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('each step is committed once, and a smaller last batch loses no photo', () => {
  expect(reference).toMatchObject({ reason: 'completed', step: numSteps });
  const numImages = [7, 7, 7, 7, 7, 3, 7, 7, 7, 7, 7, 3];
  expect(courseOf(referenceDir).map((step) => step.numImages)).toEqual(numImages);
  expect(courseOf(referenceDir).map(({ step }) => step)).toEqual(numImages.map((_, i) => i + 1));
});

test('the leaves of an epoch hold every sample once, in an order of its own', () => {
  const epochs = [0, 1].map((epoch) => {
    const order = epochOrder(plan, epoch);
    const steps = Array.from({ length: stepsPerEpoch(plan) }, (_, i) =>
      stepPlan(plan, epoch * stepsPerEpoch(plan) + i),
    );
    return steps.flatMap((step) =>
      Array.from({ length: step.numLeaves }, (_, leaf) => trainLeafSamples(plan, order, step, leaf)).flat(),
    );
  });
  const all = Array.from({ length: plan.numTrainSamples }, (_, i) => i);
  for (const samples of epochs) expect([...samples].sort((a, b) => a - b)).toEqual(all);
  expect(epochs[0]).not.toEqual(epochs[1]);
});

test('the weights are those of a plain loop over batches and leaves', async () => {
  const plain = await trainPlainly(referenceDir);
  const { vectors } = loadCheckpoint(reference.lastCheckpoint);
  expect(bitsOf(plain.parameters)).toEqual(bitsOf(vectors.parameters));
  expect(bitsOf(plain.statistics)).toEqual(bitsOf(vectors.statistics));
});

test('three workers give the weights of one', async () => {
  const runDir = join(folder, 'workers');
  const flags = ['--workers', '3', '--min-workers', '3'];
  expectReference(outcomeOf(await train(runDir, ...flags).ended), runDir);
  expect(sharedMemoryOf(runDir)).toContain('/dev/shm/');
});

test('in bf16 two workers give the weights of one, and of a plain loop, which are not those of float32', async () => {
  const [alone, together] = ['bf16', 'bf16-two'].map((name) => join(folder, name));
  const half = ['--precision', 'bf16', '--on-non-finite', 'retry-float32'];
  const one = outcomeOf(await train(alone!, ...half).ended);
  const two = outcomeOf(await train(together!, ...half, '--workers', '2', '--min-workers', '2').ended);
  expect(two.weightsSha256).toBe(one.weightsSha256);
  expect(courseOf(together!)).toEqual(courseOf(alone!));
  expect(one.weightsSha256).not.toBe(reference.weightsSha256);
  const plain = await trainPlainly(alone!);
  expect(bitsOf(plain.parameters)).toEqual(bitsOf(loadCheckpoint(one.lastCheckpoint).vectors.parameters));
});

test('gradients and weights over NATS give the weights of shared memory', async () => {
  const runDir = join(folder, 'nats');
  const flags = ['--workers', '2', '--min-workers', '2', '--shared-memory', 'false'];
  expectReference(outcomeOf(await train(runDir, ...flags).ended), runDir);
  expect(sharedMemoryOf(runDir)).toBeNull();
});

describe('a NATS server of its own, a coordinator and two workers', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker({ port: 0, folder: join(folder, 'broker') });
  });
  afterAll(() => broker.stop());
  const as = ({ user, password }: { user: string; password: string }) => ({
    env: { UNET_FLEET_NATS_USER: user, UNET_FLEET_NATS_PASSWORD: password },
  });
  const startWorkers = (): Started[] =>
    [1, 2].map((i) =>
      start(['worker', '--nats-url', broker.url, '--name', `machine-${i}`], as(broker.worker)),
    );
  const coordinate = (runDir: string, ...flags: string[]): Started =>
    start(
      ['coordinator', '--nats-url', broker.url, ...quiet, '--run-dir', runDir, '--json', ...flags],
      as(broker),
    );
  const expectDone = async (workers: Started[]) => {
    for (const worker of workers) {
      const stderr = expect.stringContaining('the run is completed');
      expect(await worker.ended).toMatchObject({ code: 0, stderr });
    }
  };

  test('give the weights of one command', async () => {
    const runDir = join(folder, 'separate');
    const workers = startWorkers();
    // Workers wait for a coordinator, so the order of starting is free.
    await until(
      workers[0]!,
      'it waits',
      () => /waiting for a coordinator/.exec(workers[0]!.said()) ?? undefined,
    );
    const coordinator = coordinate(runDir, ...data, ...recipe, '--min-workers', '2');
    expectReference(outcomeOf(await coordinator.ended), runDir);
    await expectDone(workers);
    const joined = eventsOf(runDir).flatMap((event) =>
      event.type === 'worker-joined' ? [event.worker] : [],
    );
    expect([...new Set(joined)].sort()).toEqual(['machine-1', 'machine-2']);
  });

  test('workers outlive a coordinator that is killed, and work for the one that goes on', async () => {
    const runDir = join(folder, 'outlived');
    const workers = startWorkers();
    const coordinator = coordinate(runDir, ...data, ...recipe, '--min-workers', '2');
    await recorded(coordinator, runDir, 'a checkpoint', (event) => event.type === 'checkpoint');
    await committed(coordinator, runDir, 4);
    coordinator.signal('SIGKILL');
    await coordinator.ended;
    expectReference(outcomeOf(await coordinate(runDir, '--resume').ended), runDir);
    await expectDone(workers);
  });

  test('one command begins the run, goes on with it after SIGTERM, and finds it complete', async () => {
    const runDir = join(folder, 'continued');
    const workers = startWorkers();
    const again = () => coordinate(runDir, '--continue', ...data, ...recipe, '--min-workers', '2');
    const first = again();
    await committed(first, runDir, 3);
    first.signal('SIGTERM');
    expect(await first.ended).toMatchObject({ code: 4 });
    expectReference(outcomeOf(await again().ended), runDir);
    await expectDone(workers);
    expectReference(outcomeOf(await again().ended), runDir);
    const ended = await coordinate(runDir, '--continue', ...data, ...recipe, '--seed', '4').ended;
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('--seed 3 there, 4 here') });
  });

  test('a coordinator waits for a broker that comes later, when it is told to', async () => {
    const port = await freePort();
    const config = join(folder, 'later.conf');
    writeFileSync(config, `host: "127.0.0.1"\nport: ${port}\nmax_payload: 2MB\n`);
    const coordinate = (name: string, ...flags: string[]) =>
      start([
        ...['coordinator', '--nats-url', `nats://127.0.0.1:${port}`, '--run-dir', join(folder, name)],
        ...[...quiet, ...data, ...recipe, ...flags],
      ]);
    expect((await coordinate('impatient').ended).code).toBe(3);
    const stopped = coordinate('stopped', '--wait-broker', '60');
    const patient = coordinate('patient', '--wait-broker', '60');
    for (const one of [stopped, patient]) {
      await until(one, 'it waits', () => /waiting for the broker/.exec(one.said()) ?? undefined);
    }
    stopped.signal('SIGTERM');
    const stderr = expect.stringContaining('asked to stop by SIGTERM while it waited for the broker');
    expect(await stopped.ended).toMatchObject({ code: 4, stderr });
    const server = await startNatsServer(config);
    await until(patient, 'it is there', () => /waiting: 0 of/.exec(patient.said()) ?? undefined);
    patient.signal('SIGTERM');
    expect(await patient.ended).toMatchObject({ code: 4 });
    await server.stop();
  });

  test('a worker does not wait for a coordinator for longer than it is told to', async () => {
    const flags = ['worker', '--nats-url', broker.url, '--wait-run', '1'];
    const found = await start(flags, as(broker.worker)).ended;
    const named = await start([...flags, '--run', 'abcdef'], as(broker.worker)).ended;
    for (const ended of [found, named]) {
      const stderr = expect.stringMatching(
        /no coordinator of the run has answered for 1 s: start it, or raise/,
      );
      expect(ended).toMatchObject({ code: 3, stderr });
    }
  });
});

test('a run that is stopped and resumed twice in the middle of an epoch ends with the weights of one that was not', async () => {
  const runDir = join(folder, 'resumed');
  const stops: number[] = [];
  const stopAfter = async (run: Started, step: number) => {
    await committed(run, runDir, step);
    run.signal('SIGINT');
    const ended = await run.ended;
    expect(ended.code).toBe(4);
    const outcome = outcomeOf(ended);
    expect(outcome.reason).toBe('stopped');
    expect(outcome.weightsSha256).not.toBe(reference.weightsSha256);
    stops.push(outcome.step);
  };
  await stopAfter(train(runDir, '--workers', '2'), 1);
  await stopAfter(resume(runDir, '--workers', '1'), 7);
  // Neither at the end of an epoch, nor in the same one.
  expect(stops.map((step) => Math.floor(step / stepsPerEpoch(plan)))).toEqual([0, 1]);
  for (const step of stops) expect(step % stepsPerEpoch(plan)).not.toBe(0);
  expectReference(outcomeOf(await resume(runDir, '--workers', '3').ended), runDir);
});

test('a worker that is killed is replaced, and its leaves are computed again', async () => {
  const runDir = join(folder, 'killed-worker');
  const run = train(runDir, '--workers', '2', '--min-workers', '2');
  await committed(run, runDir, 2);
  process.kill(childrenOf(run.pid, 'worker')[1]!, 'SIGKILL');
  expectReference(outcomeOf(await run.ended), runDir);
  const events = eventsOf(runDir);
  expect(events).toContainEqual(
    expect.objectContaining({
      type: 'worker-left',
      reason: 'it was killed by SIGKILL',
    }),
  );
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'warning', message: expect.stringContaining('was killed by SIGKILL') }),
  );
});

test('a worker that was frozen past its lease comes back late and joins anew, which changes nothing', async () => {
  const runDir = join(folder, 'frozen-worker');
  const run = train(runDir, '--workers', '2', '--min-workers', '2');
  await committed(run, runDir, 2);
  const [other, frozen] = childrenOf(run.pid, 'worker') as [number, number];
  process.kill(frozen, 'SIGSTOP');
  await recorded(run, runDir, 'its leaves with the other', (event) => event.type === 'lease-repeated');
  // It could be done with all steps before the first one is taken for lost.
  process.kill(other, 'SIGSTOP');
  await recorded(run, runDir, 'a lost worker', (event) => event.type === 'worker-left');
  process.kill(other, 'SIGCONT');
  process.kill(frozen, 'SIGCONT');
  expectReference(outcomeOf(await run.ended), runDir);
  const numJoined = eventsOf(runDir).filter(({ type }) => type === 'worker-joined').length;
  expect(numJoined).toBeGreaterThanOrEqual(3);
});

test('a coordinator that is killed goes on from its last checkpoint', async () => {
  const runDir = join(folder, 'killed-coordinator');
  const run = train(runDir, '--workers', '2');
  await recorded(run, runDir, 'a checkpoint', (event) => event.type === 'checkpoint');
  await committed(run, runDir, 4);
  run.signal('SIGKILL');
  expect((await run.ended).code).toBeNull();
  expectReference(outcomeOf(await resume(runDir).ended), runDir);
  expect(existsSync(sharedMemoryOf(runDir)!), 'memory of the coordinator that was killed').toBe(false);
});
