/** Figures of a point, for people and for programs. Pure. */
import type { RunEvent } from '@unet-fleet/law';
import { median } from '../spread.ts';
import type { Group, Point } from './point.ts';
import { mebibytes, memoryOf } from './verdict.ts';

const numWarmUpSteps = 2;
type Step = Extract<RunEvent, { type: 'step' }>;

/** Medians over the steps after the warm-up. */
export function summaryOf(point: Point) {
  const { broker, disturbances, numReducers, numWorkers, numParameters, carrier, usage, gradientSha256s } =
    point;
  const steps = point.steps.slice(numWarmUpSteps);
  const part = (name: keyof NonNullable<Step['timings']>) =>
    median(steps.map(({ timings }) => timings![name] ?? 0));
  const stepMs = median(steps.map((step) => step.stepMs));
  const watchedMs = point.steps.slice(1).reduce((sum, step) => sum + step.stepMs, 0);
  const cpuSecondsOf = (group: Group): number => {
    const { cpuSeconds } = usage[group];
    const spent = (cpuSeconds.at(-1) ?? 0) - (cpuSeconds[0] ?? 0);
    return (spent * stepMs) / Math.max(1, watchedMs);
  };
  return {
    ...{ numWorkers, carrier, numReducers, numParameters, numSteps: gradientSha256s.length, stepMs },
    imagesPerSecond: (1_000 * (steps[0]?.numImages ?? 0)) / stepMs,
    ...{
      sendMs: part('sendMs'),
      reduceMs: part('reduceMs'),
      optimizeMs: part('optimizeMs'),
      fetchMs: part('fetchMs'),
    },
    cpuSecondsOfStep: {
      coordinator: cpuSecondsOf('coordinator'),
      broker: cpuSecondsOf('broker'),
      workers: cpuSecondsOf('workers'),
    },
    coordinatorBytes: memoryOf(point) ?? { lastBytes: usage.coordinator.residentBytes.at(-1) ?? 0 },
    broker,
    disturbances,
    weightsSha256: point.weightsSha256,
  };
}

/** One line while the points are measured. */
export function lineOf(point: Point): string {
  const { numWorkers, carrier, numReducers, numSteps, stepMs, disturbances } = summaryOf(point);
  const told = Object.entries(disturbances).map(([name, times]) => `${name} ${times}`);
  return `${carrier.padEnd(6)} ${`${numWorkers}`.padStart(2)} workers, ${numReducers} reducers: step ${stepMs.toFixed(0)} ms over ${numSteps} steps${told.length > 0 ? ` (${told.join(', ')})` : ''}`;
}

/** A table in markdown. */
export function tableOf(
  points: readonly { point: Point; faults: readonly string[]; minutes: number }[],
): string {
  const head = [
    ...[
      'carrier',
      'workers',
      'reducers',
      'steps',
      'step ms',
      'images/s',
      'reduce ms',
      'optimize ms',
      'fetch ms',
    ],
    ...['processor s of a step: coordinator', 'broker', 'workers', 'coordinator MiB, first and last third'],
    ...['slow consumers', 'frames lost', 'beside it'],
  ];
  const rows = points.map(({ point, faults }) => {
    const of = summaryOf(point);
    const memory = memoryOf(point);
    const { coordinator, broker, workers } = of.cpuSecondsOfStep;
    const isLost = faults.some((fault) => fault.startsWith('frame '));
    const beside = Object.entries(of.disturbances).map(([name, times]) => `${name} ${times}`);
    return [
      ...[of.carrier, of.numWorkers, of.numReducers, of.numSteps, of.stepMs.toFixed(0)],
      ...[of.imagesPerSecond, of.reduceMs, of.optimizeMs, of.fetchMs].map((value) => value.toFixed(0)),
      ...[coordinator, broker, workers].map((value) => value.toFixed(3)),
      memory ? `${mebibytes(memory.firstThirdBytes)}, ${mebibytes(memory.lastThirdBytes)}` : '',
      ...[of.broker.numSlowConsumers, isLost ? 'yes' : 'none', beside.join(', ')],
    ];
  });
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
