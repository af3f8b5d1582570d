/**
 * What a coordinator and a worker answer to Prometheus and to probes, as real processes: while a step computes, with the
 * figures of the run's own record, and when the broker goes away.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeModel, packedBytes, type RunEvent } from '@unet-fleet/law';
import { openRunFolder } from '@unet-fleet/record';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { freePort } from './helpers/nats-server.ts';
import { start } from './helpers/processes.ts';
import { eventsOf, sampleFlags } from './helpers/runs.ts';
import {
  type Answer,
  ask,
  asked,
  type Served,
  type ServedRun,
  startServedRun,
} from './helpers/served-run.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const folder = mkdtempSync(join(tmpdir(), 'metrics-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A step is one leaf of one worker and computes for long: nearly all of a second or more. */
const flags = ['--size', '192x256', '--base-width', '8', '--batch-size', '6', '--leaf-size', '6'];
flags.push('--epochs', '100', '--validation-share', '0.5', '--validate-every', '100');
flags.push('--wire', 'int8', '--threads', '1', '--device', 'cpu', '--min-workers', '1');

type Step = Extract<RunEvent, { type: 'step' }> & { at: string };
const stepsOf = (runDir: string) => eventsOf(runDir).filter((event): event is Step => event.type === 'step');

/** The value of a series, by its name with labels; undefined where there is none. */
function seriesOf({ text }: Answer, series: string): number | undefined {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length));
}

let run: ServedRun;
let worker: Served;

beforeAll(async () => {
  run = await startServedRun(folder, flags);
});

it('answers before there is a worker, with no loss where there was no step', async () => {
  const waiting = await asked(run.coordinator, '/metrics', (answer) => {
    return seriesOf(answer, 'unet_fleet_state{state="waiting for workers"}') === 1;
  });
  expect(seriesOf(waiting, 'unet_fleet_workers')).toBe(0);
  expect(seriesOf(waiting, 'unet_fleet_steps_total')).toBe(0);
  expect(seriesOf(waiting, 'unet_fleet_train_loss')).toBeUndefined();
  expect(await ask(run.coordinator.port, '/readyz')).toMatchObject({ status: 200 });
  worker = await run.startWorker();
  expect(await asked(worker, '/healthz', () => true)).toMatchObject({ status: 200 });
});

it('answers while a step computes, coordinator and worker', async () => {
  const answers: Record<'coordinator' | 'worker', Answer[]> = { coordinator: [], worker: [] };
  await asked(worker, '/readyz', ({ status }) => status === 200);
  while (stepsOf(run.runDir).length < 3) {
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      answers.coordinator.push((await ask(run.coordinator.port, path))!);
      answers.worker.push((await ask(worker.port, path))!);
    }
  }
  for (const of of [answers.coordinator, answers.worker]) {
    expect(of.filter(({ status }) => status !== 200)).toEqual([]);
    const isWithinCompute = ({ askedAtMs, answeredAtMs }: Answer) =>
      stepsOf(run.runDir).some(({ at, stepMs, workers }) => {
        const { startMs, fetchMs, dataMs, computeMs } = workers![0]!;
        const computedFromMs = Date.parse(at) - stepMs + startMs + fetchMs + dataMs;
        // Clocks of two processes, and what lies between the engine's end and the message: a quarter at each side.
        return (
          askedAtMs > computedFromMs + computeMs / 4 && answeredAtMs < computedFromMs + (computeMs * 3) / 4
        );
      });
    expect(of.some(isWithinCompute)).toBe(true);
  }
});

it('has the figures of the run', async () => {
  const of = (await ask(run.coordinator.port, '/metrics'))!;
  const numSteps = seriesOf(of, 'unet_fleet_steps_total')!;
  const steps = stepsOf(run.runDir).slice(0, numSteps);
  const last = steps.at(-1)!;
  expect(numSteps).toBeGreaterThanOrEqual(3);
  expect(seriesOf(of, 'unet_fleet_images_total')).toBe(steps.reduce((sum, step) => sum + step.numImages, 0));
  expect(seriesOf(of, 'unet_fleet_train_loss')).toBe(last.loss);
  expect(seriesOf(of, 'unet_fleet_learning_rate')).toBe(last.learningRate);
  expect(seriesOf(of, 'unet_fleet_step_duration_seconds_bucket{le="+Inf"}')).toBe(numSteps);
  const computeMs = steps.reduce((sum, { timings }) => sum + timings!.computeMs, 0);
  expect(seriesOf(of, 'unet_fleet_step_phase_seconds_total{phase="compute"}')).toBeCloseTo(computeMs / 1_000);
  expect(seriesOf(of, 'unet_fleet_workers')).toBe(1);
  const ofWorker = (await ask(worker.port, '/metrics'))!;
  expect(seriesOf(ofWorker, 'unet_fleet_worker_joined')).toBe(1);
  expect(seriesOf(ofWorker, 'unet_fleet_worker_leaves_total{kind="train"}')).toBeGreaterThanOrEqual(numSteps);
  expect(seriesOf(ofWorker, 'unet_fleet_worker_phase_seconds_total{phase="compute"}')).toBeGreaterThan(0);
});

it('counts the bytes of each step as they travel, both ways', async () => {
  const { numParameters, numStatistics } = describeModel(openRunFolder(run.runDir).record.model);
  const answer = (await ask(worker.port, '/metrics'))!;
  const numLeaves = seriesOf(answer, 'unet_fleet_worker_leaves_total{kind="train"}')!;
  const bytesOf = (direction: string) =>
    seriesOf(answer, `unet_fleet_worker_bulk_bytes_total{direction="${direction}"}`)!;
  const statisticsBytes = numStatistics * 4;
  expect(bytesOf('offered')).toBe(numLeaves * (packedBytes('int8', numParameters) + statisticsBytes));
  const weightsBytes = packedBytes('bf16', numParameters) + statisticsBytes;
  // The weights of the next step may be there already, or on their way.
  const numVersions = Math.floor(bytesOf('received') / weightsBytes);
  expect([numLeaves, numLeaves + 1]).toContain(numVersions);
});

it('is alive but not ready without its broker', async () => {
  await run.stopBroker();
  const unready = await asked(run.coordinator, '/readyz', ({ status }) => status === 503);
  expect(unready.text).toBe('the run is waiting for the broker\n');
  await asked(worker, '/metrics', (answer) => seriesOf(answer, 'unet_fleet_worker_broker_connected') === 0);
  for (const { process, port } of [run.coordinator, worker]) {
    expect(await ask(port, '/healthz')).toMatchObject({ status: 200 });
    process.signal('SIGKILL');
    await process.ended;
  }
});

it('serves one set of metrics for a run with its workers, though its environment names the port', async () => {
  const data = await sampleFlags(join(folder, 'local'), 12);
  const port = await freePort();
  const process = start(
    [
      'train',
      ...data,
      ...flags,
      '--size',
      '32x48',
      '--workers',
      '2',
      '--min-workers',
      '2',
      '--run-dir',
      join(folder, 'local-run'),
    ],
    { env: { UNET_FLEET_METRICS_PORT: `${port}` } },
  );
  const answer = await asked(
    { process, port },
    '/metrics',
    (a) => seriesOf(a, 'unet_fleet_steps_total')! > 0,
  );
  expect(seriesOf(answer, 'unet_fleet_workers')).toBe(2);
  expect(answer.text.match(/^unet_fleet_member_info\{.*\} 1$/gm)).toHaveLength(2);
  expect(answer.text).not.toContain('unet_fleet_worker_leaves_total');
  process.signal('SIGTERM');
  expect(await process.ended).toMatchObject({ code: 4 });
});
