/**
 * A run as OpenTelemetry spans, made of its events after the fact: a trace for each step, with a span for each phase of
 * each worker and for reducing and optimizing, for each validation and each checkpoint. Only the API is used: without an
 * SDK that the user has loaded (NODE_OPTIONS=--import …) nobody listens to the run's events for it, and it costs nothing.
 */
import {
  type Attributes,
  context,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { LiveRun, Observer } from '@unet-fleet/coordinator';
import { recordedScores, type TimedEvent, type WorkerLane } from '@unet-fleet/law';

type Step = Extract<TimedEvent, { type: 'step' }>;

/** Of a span, in ms since 1970. */
interface Times {
  startMs: number;
  endMs: number;
}

const tracerName = 'unet-fleet';

/** Whether somebody has registered an SDK. */
function isListenedTo(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer(tracerName) !== undefined;
}

export const traces: Observer = async (run) => {
  if (!isListenedTo()) return { close: async () => {} };
  const spans = new Spans(trace.getTracer(tracerName), run);
  const unsubscribe = run.onEvent((event) => spans.event(event));
  return { close: async () => unsubscribe() };
};

/** An attribute where there is a value. */
const figure = (name: string, value: number | null): Attributes => (value === null ? {} : { [name]: value });

const meanScores = (event: Extract<TimedEvent, { type: 'validated' }>): Attributes =>
  Object.assign({}, ...recordedScores.map(({ of, mean }) => figure(`unet_fleet.mean_${of}`, event[mean])));

class Spans {
  readonly #tracer: Tracer;
  readonly #ofRun: Attributes;
  #validationStartMs: number | null = null;

  constructor(tracer: Tracer, run: LiveRun) {
    this.#tracer = tracer;
    this.#ofRun = { 'unet_fleet.run.id': run.runId, 'unet_fleet.run.term': run.term };
  }

  event(event: TimedEvent): void {
    const endMs = Date.parse(event.at);
    switch (event.type) {
      case 'step':
        this.#step(event, endMs);
        break;
      case 'validation-started':
        this.#validationStartMs = endMs;
        break;
      case 'validated':
        this.#root('validation', this.#validationStartMs ?? endMs, endMs, {
          'unet_fleet.step': event.step,
          ...figure('unet_fleet.loss', event.loss),
          ...meanScores(event),
        });
        this.#validationStartMs = null;
        break;
      case 'checkpoint': {
        const startMs = endMs - event.snapshotMs - event.writeMs;
        const attributes = { 'unet_fleet.step': event.step, 'unet_fleet.size_bytes': event.sizeBytes };
        this.#root('checkpoint', startMs, endMs, attributes, [
          ['snapshot', { startMs, endMs: startMs + event.snapshotMs }],
          ['write', { startMs: startMs + event.snapshotMs, endMs }],
        ]);
        break;
      }
      case 'checkpoint-failed': {
        this.#root('checkpoint', endMs, endMs, { 'unet_fleet.step': event.step }, [], event.message);
      }
    }
  }

  #step(event: Step, endMs: number): void {
    const startMs = endMs - event.stepMs;
    const { optimizeMs = 0, reduceMs = 0 } = event.timings ?? {};
    const optimizeStartMs = Math.max(startMs, endMs - optimizeMs);
    const phases: [string, Times, Attributes?][] = (event.workers ?? []).flatMap((lane) =>
      phasesOf(lane, startMs),
    );
    if (event.timings) {
      // Nodes are added as they come, beside all else: this is how long, not when.
      phases.push(
        ['reduce', { startMs: Math.max(startMs, optimizeStartMs - reduceMs), endMs: optimizeStartMs }],
        ['optimize', { startMs: optimizeStartMs, endMs }],
      );
    }
    const attributes = {
      'unet_fleet.step': event.step,
      'unet_fleet.epoch': event.epoch,
      ...figure('unet_fleet.loss', event.loss),
      'unet_fleet.num_images': event.numImages,
      'unet_fleet.num_workers': event.numWorkers,
    };
    this.#root('step', startMs, endMs, attributes, phases);
  }

  /** A trace of its own, so that a run of a million steps is no trace of a million spans. */
  #root(
    name: string,
    startMs: number,
    endMs: number,
    attributes: Attributes,
    children: readonly (readonly [string, Times, Attributes?])[] = [],
    failure?: string,
  ): void {
    const span = this.#tracer.startSpan(
      name,
      { root: true, startTime: startMs, attributes: { ...this.#ofRun, ...attributes } },
      ROOT_CONTEXT,
    );
    const within = trace.setSpan(context.active(), span);
    for (const [child, times, ofChild = {}] of children) {
      this.#tracer
        .startSpan(child, { startTime: times.startMs, attributes: ofChild }, within)
        .end(times.endMs);
    }
    if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
    span.end(endMs);
  }
}

/** What a worker did for the step, one after the other from its first lease; what is left is waiting. */
function phasesOf(lane: WorkerLane, stepStartMs: number): [string, Times, Attributes][] {
  let startMs = stepStartMs + lane.startMs;
  const lastMs = stepStartMs + lane.endMs;
  const attributes = { 'unet_fleet.worker': lane.worker, 'unet_fleet.num_leaves': lane.numLeaves };
  const durations = [
    ['fetch', lane.fetchMs],
    ['data', lane.dataMs],
    ['compute', lane.computeMs],
    ['send', lane.sendMs],
  ] as const;
  return durations.map(([name, ms]) => {
    const endMs = Math.min(lastMs, startMs + ms);
    const times = { startMs: Math.min(startMs, endMs), endMs };
    startMs = endMs;
    return [name, times, attributes];
  });
}
