import type { LiveRun, LiveStatus, WorkerFacts } from '@unet-fleet/coordinator';
import type { RunEvent, TimedEvent } from '@unet-fleet/law';
import { expect, test } from 'vitest';
import { runMetrics } from './coordinator.ts';
import { readExposition } from './exposition.test-helper.ts';
import { WorkerMetrics } from './worker.ts';

const member = (name: string, rest: Partial<WorkerFacts> = {}): WorkerFacts => ({
  name,
  workerId: `${name}.1`,
  host: 'host',
  pid: 7,
  device: 'cpu',
  numThreads: 1,
  residentBytes: 1_000,
  gpu: null,
  imagesPerSecond: 2.5,
  numRestarts: 0,
  lastSeen: '2026-01-01T00:00:10.000Z',
  isStraggler: false,
  ...rest,
});

class FakeRun {
  facts = [member('a'), member('b')];
  state: LiveStatus['state'] = 'training';
  readonly #listeners = new Set<(event: TimedEvent) => void>();

  readonly live = {
    runId: 'id',
    runDir: '/runs/0001',
    term: 2,
    numSteps: 40,
    status: () => ({
      state: this.state,
      step: 3,
      workers: this.facts,
      facts: this.facts,
      isPaused: false,
    }),
    onEvent: (listener: (event: TimedEvent) => void) => {
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    },
  } as unknown as LiveRun;

  tell(event: RunEvent): void {
    for (const listener of this.#listeners) listener({ at: '2026-01-01T00:00:00.000Z', ...event });
  }

  get numListeners(): number {
    return this.#listeners.size;
  }
}

const step: RunEvent = {
  type: 'step',
  epoch: 1,
  stepInEpoch: 3,
  step: 3,
  loss: 0.5,
  learningRate: 0.001,
  numImages: 8,
  gradientNorm: 2,
  stepMs: 1_500,
  numWorkers: 2,
  timings: { fetchMs: 100, dataMs: 200, computeMs: 1_000, sendMs: 50, reduceMs: 70, optimizeMs: 30 },
};

const lane = { worker: 'a', numLeaves: 4, startMs: 0, endMs: 1_400 };

async function served(run: FakeRun) {
  let port = 0;
  const { close } = await runMetrics({ host: '127.0.0.1', port: 0 }, (chosen) => {
    port = chosen;
  })(run.live);
  const get = (path: string, init: RequestInit = {}) => fetch(`http://127.0.0.1:${port}${path}`, init);
  const values = async () => {
    const families = readExposition(await (await get('/metrics')).text());
    return (name: string, labels: Record<string, string> = {}) =>
      [...families.values()]
        .flatMap(({ samples }) => samples)
        .filter(
          (sample) =>
            sample.name === name && Object.entries(labels).every(([k, v]) => sample.labels[k] === v),
        )
        .map(({ value }) => value);
  };
  return { get, values, close };
}

test('counts what happens, in base units', async () => {
  const run = new FakeRun();
  const { values, close } = await served(run);
  run.tell(step);
  run.tell({ ...step, numImages: 6, loss: 0.25 });
  run.tell({ type: 'message-rejected', worker: 'a', reason: 'late', count: 3 });
  run.tell({
    type: 'checkpoint',
    step: 3,
    path: '/x',
    isBest: true,
    sizeBytes: 5_000,
    snapshotMs: 20,
    writeMs: 400,
  });
  const of = await values();
  expect(of('unet_fleet_steps_total')).toEqual([2]);
  expect(of('unet_fleet_images_total')).toEqual([14]);
  expect(of('unet_fleet_train_loss')).toEqual([0.25]);
  expect(of('unet_fleet_step_phase_seconds_total', { phase: 'compute' })).toEqual([2]);
  expect(of('unet_fleet_step_phase_seconds_total', { phase: 'fetch' })[0]).toBeCloseTo(0.2);
  expect(of('unet_fleet_step_duration_seconds_bucket', { le: '1' })).toEqual([0]);
  expect(of('unet_fleet_step_duration_seconds_bucket', { le: '2.5' })).toEqual([2]);
  expect(of('unet_fleet_step_duration_seconds_sum')).toEqual([3]);
  expect(of('unet_fleet_messages_rejected_total')).toEqual([3]);
  expect(of('unet_fleet_checkpoint_write_seconds_total')).toEqual([0.4]);
  expect(of('unet_fleet_checkpoint_timestamp_seconds')).toEqual([1_767_225_600]);
  expect(of('unet_fleet_run_info', { run: '0001', run_id: 'id' })).toEqual([1]);
  await close();
});

test('says what workers waited for, each in the whole of its steps', async () => {
  const run = new FakeRun();
  const { values, close } = await served(run);
  const workers = [
    { ...lane, fetchMs: 100, dataMs: 15, computeMs: 1_200, sendMs: 50 },
    { ...lane, worker: 'b', fetchMs: 200, dataMs: 0, computeMs: 400, sendMs: 50 },
  ];
  run.tell({ ...step, workers });
  const of = await values();
  expect(of('unet_fleet_step_worker_seconds_total')).toEqual([3]);
  const waited = (reason: string) => of('unet_fleet_step_wait_seconds_total', { reason })[0];
  expect(waited('data')).toBeCloseTo(0.015);
  expect(waited('weights')).toBeCloseTo(0.3);
  expect(waited('others')).toBeCloseTo(0.135 + 0.85);
  await close();
});

test('has no value of a validation of which nothing counted, neither 0 nor the one before', async () => {
  const run = new FakeRun();
  const { values, close } = await served(run);
  const validated = { type: 'validated', epoch: 1, step: 1, learningRate: 0.1, isBest: true } as const;
  run.tell({ ...validated, loss: 0.5, meanIou: 0.4, pixelAccuracy: 0.9 });
  expect((await values())('unet_fleet_validation_loss')).toEqual([0.5]);
  run.tell({ ...validated, loss: null, meanIou: null, pixelAccuracy: null, isBest: false });
  run.tell({ ...step, loss: null });
  const of = await values();
  for (const name of ['validation_loss', 'validation_mean_iou_ratio', 'validation_pixel_accuracy_ratio']) {
    expect(of(`unet_fleet_${name}`)).toEqual([]);
  }
  expect([of('unet_fleet_validations_total'), of('unet_fleet_train_loss')]).toEqual([[2], []]);
  await close();
});

test('has no value where nothing is known yet, and no series of workers that have gone', async () => {
  const run = new FakeRun();
  const { values, close } = await served(run);
  let of = await values();
  expect(of('unet_fleet_train_loss')).toEqual([]);
  expect(of('unet_fleet_validation_loss')).toEqual([]);
  expect(of('unet_fleet_member_gpu_utilization_ratio')).toEqual([]);
  expect(of('unet_fleet_member_images_per_second')).toEqual([2.5, 2.5]);
  const gpu = { utilization: 0.5, memoryBytes: 10, memoryTotalBytes: 20 };
  run.facts = [member('name "with"\nmarkup\\', { gpu })];
  of = await values();
  expect(of('unet_fleet_workers')).toEqual([1]);
  expect(of('unet_fleet_member_images_per_second')).toEqual([2.5]);
  expect(of('unet_fleet_member_gpu_utilization_ratio', { worker: 'name "with"\nmarkup\\' })).toEqual([0.5]);
  await close();
});

test('says in one series what the run is doing', async () => {
  const run = new FakeRun();
  const { values, close } = await served(run);
  for (const state of ['paused', 'validating'] as const) {
    run.state = state;
    const of = await values();
    expect(of('unet_fleet_state', { state })).toEqual([1]);
    expect(of('unet_fleet_state', { state: 'training' })).toEqual([0]);
    expect(of('unet_fleet_state').reduce((sum, value) => sum + value)).toBe(1);
  }
  await close();
});

test('is alive always, and ready while the broker is there and the run goes on', async () => {
  const run = new FakeRun();
  const { get, close } = await served(run);
  expect((await get('/readyz')).status).toBe(200);
  for (const state of ['waiting for the broker', 'over'] as const) {
    run.state = state;
    const answer = await get('/readyz');
    expect(answer.status).toBe(503);
    expect(await answer.text()).toBe(`the run is ${state}\n`);
    expect((await get('/healthz')).status).toBe(200);
  }
  await close();
  expect(run.numListeners).toBe(0);
});

test('answers only to questions', async () => {
  const { get, close } = await served(new FakeRun());
  expect((await get('/metrics', { method: 'POST', body: 'x'.repeat(1_000) })).status).toBe(405);
  expect((await get('/')).status).toBe(404);
  const head = await get('/metrics?x=1', { method: 'HEAD' });
  expect(head.status).toBe(200);
  expect(head.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  await close();
});

test('a port that is taken is one sentence, and the run is listened to no more', async () => {
  let port = 0;
  const first = await runMetrics({ host: '127.0.0.1', port: 0 }, (chosen) => {
    port = chosen;
  })(new FakeRun().live);
  const run = new FakeRun();
  await expect(runMetrics({ host: '127.0.0.1', port })(run.live)).rejects.toThrow(
    `metrics can't be served on 127.0.0.1:${port}, the port is taken: choose another --metrics-port`,
  );
  expect(run.numListeners).toBe(0);
  await first.close();
});

test('a worker counts its leaves, and is ready once it has joined', async () => {
  let nowMs = 1_000;
  const metrics = new WorkerMetrics(() => nowMs);
  const { port, close } = await metrics.serve({ host: '127.0.0.1', port: 0 });
  const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
  expect((await get('/readyz')).status).toBe(503);
  metrics.onActivity({ type: 'membership', isJoined: true });
  expect((await get('/readyz')).status).toBe(200);
  const timings = { fetchMs: 500, dataMs: 0, computeMs: 2_000, sendMs: 0 };
  nowMs = 4_250;
  metrics.onActivity({ type: 'computed', kind: 'train', numLeaves: 3, timings });
  metrics.onActivity({ type: 'broker', isConnected: false });
  const families = readExposition(await (await get('/metrics')).text());
  const samples = (name: string) => families.get(name)!.samples;
  expect(samples('unet_fleet_worker_leaves_total')).toMatchObject([{ labels: { kind: 'train' }, value: 3 }]);
  expect(samples('unet_fleet_worker_phase_seconds_total')).toMatchObject([
    { labels: { phase: 'fetch' }, value: 0.5 },
    { labels: { phase: 'data' }, value: 0 },
    { labels: { phase: 'compute' }, value: 2 },
    { labels: { phase: 'send' }, value: 0 },
    { labels: { phase: 'wait' }, value: 0.75 },
  ]);
  expect(samples('unet_fleet_worker_broker_connected')).toMatchObject([{ value: 0 }]);
  metrics.onActivity({ type: 'membership', isJoined: false });
  expect((await get('/readyz')).status).toBe(503);
  await close();
});
