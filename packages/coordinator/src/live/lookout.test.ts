import type { CoreStatus, PlanConfig, RunEvent, StepRecord } from '@unet-fleet/law';
import type { Telemetry, UpMessage } from '@unet-fleet/wire';
import { expect, it } from 'vitest';
import { Followed } from './followed.ts';
import { Lookout } from './lookout.ts';

type Ready = Extract<UpMessage, { type: 'ready' }>;

/** Steps of five images in leaves of two: the last leaf has one. */
const plan: PlanConfig = {
  numTrainSamples: 10,
  numValidationSamples: 3,
  batchSize: 5,
  leafSize: 2,
  epochs: 1,
  seed: 1,
};
const ready = (device: string): Ready => ({
  type: 'ready',
  term: 1,
  name: 'a',
  fingerprint: { library: 'tf', device, intraOpThreads: 2, decoder: 'sharp', settings: '' },
  numSamples: 13,
  manifestSha256: '',
  sharesMemory: false,
});
const telemetry: Telemetry = { host: 'machine', pid: 7, residentBytes: 5_000, gpu: null };
const sums = { lossSum: 1, weightSum: 1, gradientNorm: 1, isFinite: true };
const member = (workerId: string): CoreStatus['workers'][number] => ({
  name: `name of ${workerId}`,
  workerId,
  state: 'computing',
  lastSeenMs: 0,
  reason: '',
});

function started() {
  const emitted: RunEvent[] = [];
  const clock = { now: 0 };
  const followed = new Followed(['v0', 'v1', 'v2'], 1);
  const lookout = new Lookout({
    plan,
    followed,
    evaluations: { counted: () => {}, event: () => {} },
    emit: (event) => emitted.push(event),
    now: () => clock.now,
  });
  return { lookout, emitted, followed, clock };
}

const lease = (kind: 'train' | 'validation', version: number) => ({
  type: 'lease' as const,
  leaseId: 1,
  kind,
  version,
  nodes: [{ level: 0, index: 0 }],
});

it('tells workers which photos are followed with the leases of a validation, and with no others', () => {
  const { lookout, followed } = started();
  followed.choose(['v2', 'v0']);
  expect(lookout.outgoing('a', lease('validation', 2))).toMatchObject({ followed: [2, 0] });
  expect(lookout.outgoing('a', lease('train', 2))).toEqual(lease('train', 2));
});

it('adds to a step what each worker did, and knows its speed from the images of its leaves', () => {
  const { lookout, clock } = started();
  const record = {
    step: 1,
    durationMs: 500,
    answers: [
      { node: { level: 1, index: 0 }, workerId: 'a', worker: 'A', arrivedMs: 400, leaves: [sums, sums] },
      { node: { level: 0, index: 2 }, workerId: 'b', worker: 'B', arrivedMs: 300, leaves: [sums] },
    ],
    rejected: [],
  } as unknown as StepRecord;
  clock.now = 10;
  lookout.outgoing('a', lease('train', 0));
  const answer = {
    type: 'result' as const,
    term: 1,
    kind: 'train' as const,
    version: 0,
    node: { level: 1, index: 0 },
    leaves: [sums, sums],
    confusion: null,
    timings: { fetchMs: 1, dataMs: 2, computeMs: 300, sendMs: 4 },
  };
  // Sent again until it is known to be here; and an answer of a twin, which does not count.
  for (const workerId of ['a', 'a', 'twin']) lookout.answered(workerId, answer);
  clock.now = 500;
  lookout.recorded(record, { reduceMs: 5, optimizeMs: 6 });
  const step = lookout.event({ type: 'step', step: 1 } as RunEvent);
  expect(step).toMatchObject({
    timings: { fetchMs: 1, dataMs: 2, computeMs: 300, sendMs: 4, reduceMs: 5, optimizeMs: 6 },
    workers: [
      { worker: 'A', numLeaves: 2, startMs: 10, endMs: 400, computeMs: 300 },
      { worker: 'B', numLeaves: 1, startMs: 0, endMs: 300, computeMs: 0 },
    ],
  });
  const facts = lookout.facts([member('a'), member('b')], () => 'then');
  expect(facts.map(({ imagesPerSecond }) => imagesPerSecond)).toEqual([8, 2]);
});

it('knows of a member what it told, and of a stranger nothing', () => {
  const { lookout } = started();
  lookout.heard('a', { ...telemetry, host: 'before it was admitted' });
  lookout.admitted('a', ready('cpu AuthenticAMD 25/1 avx2'));
  lookout.admitted('b', ready('gpu NVIDIA H200'));
  lookout.heard('b', telemetry);
  expect(lookout.facts([member('a'), member('b')], () => 'then')).toEqual([
    expect.objectContaining({ device: 'cpu', host: '', numThreads: 2, residentBytes: 0, lastSeen: 'then' }),
    expect.objectContaining({ device: 'NVIDIA H200', host: 'machine', pid: 7, residentBytes: 5_000 }),
  ]);
  lookout.forget('b');
  expect(lookout.facts([member('b')], () => 'then')[0]).toMatchObject({ device: '', host: '' });
});

it('tells why messages were not used', () => {
  const { lookout, emitted } = started();
  lookout.rejected('A', 'a message that is none');
  const rejected: StepRecord['rejected'] = [{ worker: 'A', reason: 'stale', count: 3 }];
  lookout.recorded({ step: 1, durationMs: 1, answers: [], rejected } as unknown as StepRecord, {
    reduceMs: 0,
    optimizeMs: 0,
  });
  expect(emitted).toEqual([
    { type: 'message-rejected', worker: 'A', reason: 'a message that is none', count: 1 },
    { type: 'message-rejected', worker: 'A', reason: 'its answer came after its round was over', count: 3 },
  ]);
});
