/**
 * Where the boxes of the timeline and of the bars lie: steps one after another, a lane for each worker and one for the
 * coordinator, each step's time split in its parts. Pure: ms in, boxes and SVG paths out.
 */
import { counted, shortTime } from '@unet-fleet/law';
import {
  busyMs,
  busyParts,
  type Part,
  WaitSums,
  waitsOf,
  workerParts,
} from '@unet-fleet/pictures/models/step-parts';
import type { Lane, StepLanes } from '../../../../src/protocol.ts';

/** Of a worker's row, in the order in which they are drawn. */
export const rowParts: readonly Part[] = [...workerParts, 'wait'];

/** What each part is to a person. */
export const partNames: Record<Part, string> = {
  fetch: 'fetch and apply weights',
  data: 'wait for photos',
  compute: 'compute',
  send: 'send gradients',
  wait: 'wait for others',
  reduce: 'add gradients',
  optimize: 'update weights',
};

export type Durations = Partial<Record<Part, number>>;

/** A worker's part of a step: what it did between its lease and its last answer, as measured, and waiting for the rest. */
export const durationsOf = (lane: Lane, stepMs: number): Durations => ({
  ...Object.fromEntries(busyParts(lane)),
  wait: waitsOf(lane, stepMs).others,
});

export interface Box {
  part: Part;
  fromMs: number;
  toMs: number;
}

/** Parts in order from the lane's start, shortened alike where they overlapped, then waiting until the step's end. */
export function laneBoxes(lane: Lane, stepMs: number): Box[] {
  const startMs = Math.min(Math.max(0, lane.startMs), stepMs);
  const endMs = Math.min(Math.max(startMs, lane.endMs), stepMs);
  const sumMs = busyMs(lane);
  const scale = sumMs > endMs - startMs && sumMs > 0 ? (endMs - startMs) / sumMs : 1;
  const boxes: Box[] = [];
  const add = (part: Part, fromMs: number, toMs: number) => {
    if (toMs > fromMs) boxes.push({ part, fromMs, toMs });
  };
  add('wait', 0, startMs);
  let atMs = startMs;
  for (const [part, ms] of busyParts(lane)) {
    add(part, atMs, atMs + ms * scale);
    atMs += ms * scale;
  }
  add('wait', atMs, stepMs);
  return boxes;
}

/** The coordinator's parts at the end of the step, where most of them lie; reducing began beside computing. */
export function coordinatorBoxes({ stepMs, reduceMs, optimizeMs }: StepLanes): Box[] {
  const optimizeFrom = Math.max(0, stepMs - optimizeMs);
  const boxes: Box[] = [
    { part: 'reduce', fromMs: Math.max(0, optimizeFrom - reduceMs), toMs: optimizeFrom },
    { part: 'optimize', fromMs: optimizeFrom, toMs: stepMs },
  ];
  return boxes.filter(({ fromMs, toMs }) => toMs > fromMs);
}

export interface Timeline {
  /** Row labels, top to bottom: workers by name, then the coordinator. */
  rows: string[];
  steps: { step: number; x: number; width: number }[];
  /** Of all boxes of a part together. */
  paths: { part: Part; path: string }[];
  height: number;
}

export const rowHeight = 26;
const barHeight = 18;
const stepGap = 2;

/** The last `numSteps` steps, side by side in proportion to their durations. `width` in pixels. */
export function layoutTimeline(
  lanes: readonly StepLanes[],
  { numSteps, width }: { numSteps: number; width: number },
): Timeline {
  const shown = lanes.slice(-numSteps);
  const rows = [...workersIn(shown), coordinatorRow];
  const totalMs = shown.reduce((sum, { stepMs }) => sum + stepMs, 0);
  const perMs = totalMs > 0 ? Math.max(0, width - stepGap * (shown.length - 1)) / totalMs : 0;
  const paths = new Map<Part, string[]>();
  const steps: Timeline['steps'] = [];
  let x = 0;
  for (const step of shown) {
    const draw = (row: number, boxes: Box[]) => {
      const top = row * rowHeight + (rowHeight - barHeight) / 2;
      for (const { part, fromMs, toMs } of boxes) {
        const left = x + fromMs * perMs;
        const path = `M${tenth(left)} ${top}h${tenth((toMs - fromMs) * perMs)}v${barHeight}H${tenth(left)}z`;
        const list = paths.get(part);
        if (list) list.push(path);
        else paths.set(part, [path]);
      }
    };
    for (const lane of step.lanes) draw(rows.indexOf(lane.worker), laneBoxes(lane, step.stepMs));
    draw(rows.length - 1, coordinatorBoxes(step));
    steps.push({ step: step.step, x, width: step.stepMs * perMs });
    x += step.stepMs * perMs + stepGap;
  }
  return {
    rows,
    steps,
    paths: [...paths].map(([part, list]) => ({ part, path: list.join('') })),
    height: rows.length * rowHeight,
  };
}

const coordinatorRow = 'coordinator';

/** Workers that took part in any of these steps, by name. */
export function workersIn(lanes: readonly StepLanes[]): string[] {
  const names = new Set(lanes.flatMap((step) => step.lanes.map(({ worker }) => worker)));
  return [...names].sort((left, right) => left.localeCompare(right, 'en', { numeric: true }));
}

const tenth = (value: number): number => Math.round(value * 10) / 10;

/** The step and row at a point of the timeline; null between them or outside. */
export function hit(timeline: Timeline, x: number, y: number): { step: number; row: string } | null {
  const row = timeline.rows[Math.floor(y / rowHeight)];
  const step = timeline.steps.find((at) => x >= at.x && x <= at.x + at.width);
  return row === undefined || step === undefined ? null : { step: step.step, row };
}

/** What one worker, or the coordinator, did in one step, in words. */
export function inWords(step: StepLanes, row: string): string {
  const of = (part: Part, ms: number) => `${partNames[part]} ${shortTime(ms)}`;
  const head = `Step ${step.step}, ${row}`;
  if (row === coordinatorRow) {
    const told = [of('reduce', step.reduceMs), of('optimize', step.optimizeMs)].join(', ');
    return `${head}: ${told}, of ${shortTime(step.stepMs)}.`;
  }
  const lane = step.lanes.find(({ worker }) => worker === row);
  if (lane === undefined) return `${head}: took no part.`;
  const durations = durationsOf(lane, step.stepMs);
  const told = rowParts
    .filter((part) => (durations[part] ?? 0) > 0)
    .map((part) => of(part, durations[part]!));
  return `${head}: ${counted(lane.numLeaves, 'leaf', 'leaves')}; ${told.join(', ')}; of ${shortTime(step.stepMs)}.`;
}

/** Mean of each part over the steps that a worker took part in; null for one that took part in none. */
export function meanDurations(lanes: readonly StepLanes[], worker: string): Durations | null {
  const sums: Record<string, number> = {};
  let numSteps = 0;
  for (const step of lanes) {
    const lane = step.lanes.find((other) => other.worker === worker);
    if (lane === undefined) continue;
    numSteps++;
    for (const [part, ms] of Object.entries(durationsOf(lane, step.stepMs)))
      sums[part] = (sums[part] ?? 0) + ms;
  }
  if (numSteps === 0) return null;
  return Object.fromEntries(Object.entries(sums).map(([part, sum]) => [part, sum / numSteps]));
}

/** Shares of its steps that a worker waited, with the reasons, in words. */
export function waitsInWords(lanes: readonly StepLanes[], worker: string): string {
  const sums = new WaitSums();
  for (const step of lanes) {
    const lane = step.lanes.find((other) => other.worker === worker);
    if (lane !== undefined) sums.add(lane, step.stepMs);
  }
  return sums.inWords();
}
