import {
  type Context,
  type ContextManager,
  context,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import type { LiveRun } from '@unet-fleet/coordinator';
import type { RunEvent, TimedEvent } from '@unet-fleet/law';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { traces } from './traces.ts';

const exporter = new InMemorySpanExporter();
const atMs = Date.parse('2026-01-01T00:00:10.000Z');
let listeners: ((event: TimedEvent) => void)[];

const run = {
  runId: 'id',
  term: 2,
  onEvent: (listener: (typeof listeners)[number]) => {
    listeners.push(listener);
    return () => {
      listeners = listeners.filter((other) => other !== listener);
    };
  },
} as unknown as LiveRun;

const tell = (event: RunEvent, afterMs = 0) => {
  const at = new Date(atMs + afterMs).toISOString();
  for (const listener of listeners) listener({ at, ...event });
};

const registerSdk = () =>
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );

beforeEach(() => {
  listeners = [];
  exporter.reset();
});
afterEach(() => {
  trace.disable();
  context.disable();
});

const ms = ([seconds, nanos]: [number, number]) => seconds * 1_000 + nanos / 1e6 - atMs;
const timesOf = ({ startTime, endTime }: ReadableSpan) => [ms(startTime), ms(endTime)];

const step: RunEvent = {
  type: 'step',
  epoch: 1,
  stepInEpoch: 3,
  step: 3,
  loss: 0.5,
  learningRate: 0.001,
  numImages: 8,
  gradientNorm: 2,
  stepMs: 1_000,
  numWorkers: 2,
  timings: { fetchMs: 100, dataMs: 200, computeMs: 400, sendMs: 50, reduceMs: 70, optimizeMs: 30 },
  workers: [
    {
      worker: 'a',
      numLeaves: 2,
      startMs: 10,
      endMs: 800,
      fetchMs: 100,
      dataMs: 200,
      computeMs: 400,
      sendMs: 50,
    },
    { worker: 'b', numLeaves: 1, startMs: 20, endMs: 300, fetchMs: 80, dataMs: 0, computeMs: 250, sendMs: 9 },
  ],
};

test('listens to no event where nobody has loaded an SDK', async () => {
  const { close } = await traces(run);
  expect(listeners).toHaveLength(0);
  await close();
});

test('makes a trace of a step, with the phases of each worker and of the coordinator within its times', async () => {
  registerSdk();
  const { close } = await traces(run);
  tell(step);
  const spans = exporter.getFinishedSpans();
  const root = spans.find(({ name }) => name === 'step')!;
  expect(timesOf(root)).toEqual([-1_000, 0]);
  expect(root.parentSpanContext).toBeUndefined();
  expect(root.attributes).toEqual({
    'unet_fleet.run.id': 'id',
    'unet_fleet.run.term': 2,
    'unet_fleet.step': 3,
    'unet_fleet.epoch': 1,
    'unet_fleet.loss': 0.5,
    'unet_fleet.num_images': 8,
    'unet_fleet.num_workers': 2,
  });
  const children = spans.filter((span) => span !== root);
  for (const child of children) {
    expect(child.parentSpanContext?.spanId).toBe(root.spanContext().spanId);
    expect(child.spanContext().traceId).toBe(root.spanContext().traceId);
  }
  const of = (worker?: string) =>
    children
      .filter(({ attributes }) => attributes['unet_fleet.worker'] === worker)
      .map((span) => [span.name, ...timesOf(span)]);
  expect(of('a')).toEqual([
    ['fetch', -990, -890],
    ['data', -890, -690],
    ['compute', -690, -290],
    ['send', -290, -240],
  ]);
  // What b measured is longer than the time from its lease to its answer.
  expect(of('b')).toEqual([
    ['fetch', -980, -900],
    ['data', -900, -900],
    ['compute', -900, -700],
    ['send', -700, -700],
  ]);
  expect(of()).toEqual([
    ['reduce', -100, -30],
    ['optimize', -30, 0],
  ]);
  await close();
  expect(listeners).toHaveLength(0);
});

/** As an SDK has one, without what goes on across awaits. */
class Contexts implements ContextManager {
  #active: Context = ROOT_CONTEXT;

  active(): Context {
    return this.#active;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    inner: Context,
    action: F,
    self?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    const outer = this.#active;
    this.#active = inner;
    try {
      return action.apply(self, args);
    } finally {
      this.#active = outer;
    }
  }

  bind<T>(_: Context, target: T): T {
    return target;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    return this;
  }
}

test('each step is a trace of its own, whatever the caller is doing', async () => {
  registerSdk();
  context.setGlobalContextManager(new Contexts());
  const { close } = await traces(run);
  const outer = trace.getTracer('test').startSpan('outer');
  context.with(trace.setSpan(context.active(), outer), () => {
    tell(step);
    tell({ ...step, step: 4 }, 1_000);
    expect(trace.getActiveSpan()).toBe(outer);
  });
  const roots = exporter.getFinishedSpans().filter(({ name }) => name === 'step');
  const ids = [outer, ...roots].map((span) => span.spanContext().traceId);
  expect(new Set(ids).size).toBe(3);
  await close();
});

test('has validations from their start, and checkpoints with what training waited for', async () => {
  registerSdk();
  const { close } = await traces(run);
  tell({ type: 'validation-started', step: 3, numImages: 4 }, 100);
  tell({ type: 'validated', step: 3, loss: 1, meanIou: 0.5, pixelAccuracy: 0.9 } as RunEvent, 600);
  tell({
    type: 'checkpoint',
    step: 3,
    path: '/x',
    isBest: true,
    sizeBytes: 5_000,
    snapshotMs: 20,
    writeMs: 400,
  });
  tell({ type: 'checkpoint-failed', step: 4, message: 'the disk is full' });
  const named = (name: string) => exporter.getFinishedSpans().filter((span) => span.name === name);
  expect(named('validation').map(timesOf)).toEqual([[100, 600]]);
  expect(named('validation')[0]!.attributes).toMatchObject({ 'unet_fleet.mean_iou': 0.5 });
  expect(named('snapshot').map(timesOf)).toEqual([[-420, -400]]);
  expect(named('write').map(timesOf)).toEqual([[-400, 0]]);
  expect(named('checkpoint').map(({ status }) => status)).toEqual([
    { code: SpanStatusCode.UNSET },
    { code: SpanStatusCode.ERROR, message: 'the disk is full' },
  ]);
  await close();
});
