/**
 * Lines of metrics.jsonl as events. Another version, a person or half a copy may have left anything there: what is no
 * event of a run is passed over, and what people read is made printable.
 */
import { printable, type RunEvent, recordedScores } from '@unet-fleet/law';
import type { TimedEvent } from './record.ts';

const maxTextLength = 2_000;

type Kind = 'number' | 'string' | 'boolean';
/** A figure that was not finite is null in JSON. */
type Field = Kind | 'figure' | 'shares?' | 'lanes?' | 'texts?' | 'changes';

/** What is used of each type, so that a line that lacks it is no event. */
const fields: Partial<Record<RunEvent['type'], Record<string, Field>>> = {
  'run-started': { numStepsDone: 'number', numSteps: 'number' },
  waiting: { reason: 'string' },
  'worker-joined': { worker: 'string', numWorkers: 'number' },
  'worker-left': { worker: 'string', reason: 'string', numWorkers: 'number' },
  'broker-lost': { reason: 'string' },
  'broker-back': { awayMs: 'number' },
  'worker-late': {
    worker: 'string',
    step: 'number',
    leaves: 'string',
    elapsedMs: 'number',
    usualMs: 'number',
    hungInMs: 'number',
  },
  'lease-repeated': { worker: 'string', to: 'string', step: 'number', leaves: 'string', reason: 'string' },
  'worker-set-aside': { worker: 'string', reason: 'string', numFailures: 'number', pauseMs: 'number' },
  'leaf-skipped': { kind: 'string', step: 'number', leaf: 'number', worker: 'string', samples: 'texts?' },
  'gradient-outlier': {
    step: 'number',
    leaf: 'number',
    worker: 'string',
    norm: 'number',
    median: 'number',
    samples: 'texts?',
  },
  'checkpoint-failed': { step: 'number', message: 'string' },
  'epoch-started': { epoch: 'number', numEpochs: 'number' },
  step: {
    epoch: 'number',
    stepInEpoch: 'number',
    step: 'number',
    loss: 'figure',
    learningRate: 'number',
    numImages: 'number',
    gradientNorm: 'figure',
    stepMs: 'number',
    numWorkers: 'number',
    workers: 'lanes?',
  },
  validated: {
    epoch: 'number',
    step: 'number',
    loss: 'figure',
    pixelAccuracy: 'figure',
    learningRate: 'number',
    isBest: 'boolean',
    ...Object.fromEntries(
      recordedScores.flatMap(({ mean, byClass }): [string, Field][] => [
        [mean, 'figure'],
        [byClass, 'shares?'],
      ]),
    ),
  },
  checkpoint: { step: 'number', isBest: 'boolean' },
  'evaluation-kept': { step: 'number', numPictures: 'number' },
  paused: { by: 'string' },
  resumed: { by: 'string', pausedMs: 'number' },
  'checkpoint-requested': { by: 'string' },
  'drain-requested': { worker: 'string', by: 'string' },
  'stop-after-epoch': { isWanted: 'boolean', by: 'string' },
  'options-changed': { step: 'number', changes: 'changes', by: 'string' },
  'learning-rate-changed': { step: 'number', from: 'number', to: 'number', by: 'string' },
  'message-rejected': { worker: 'string', reason: 'string', count: 'number' },
  note: { message: 'string' },
  warning: { message: 'string' },
  finished: { reason: 'string', step: 'number', weightsSha256: 'string' },
};

const laneFields: Record<string, Kind> = {
  worker: 'string',
  numLeaves: 'number',
  startMs: 'number',
  endMs: 'number',
  fetchMs: 'number',
  dataMs: 'number',
  computeMs: 'number',
  sendMs: 'number',
};

const changeFields: Record<string, Kind> = { flag: 'string', from: 'number', to: 'number' };

type Fields = Record<string, unknown>;

/** The event, or null when the line is none. */
export function eventOf(line: unknown): TimedEvent | null {
  if (typeof line !== 'object' || line === null) return null;
  const values = line as Fields;
  const { type, at } = values;
  const wanted = Object.hasOwn(fields, String(type)) ? fields[type as RunEvent['type']] : undefined;
  if (!wanted || typeof at !== 'string' || Number.isNaN(Date.parse(at))) return null;
  const isWhole = Object.entries(wanted).every(([name, field]) => fits(values[name], field));
  if (!isWhole) return null;
  if (values.timings !== undefined && !isTimings(values.timings)) return null;
  return shown({ ...values, ...timingsOf(values), at: new Date(at).toISOString() }) as unknown as TimedEvent;
}

function fits(value: unknown, field: Field): boolean {
  switch (field) {
    case 'number':
      return Number.isFinite(value);
    case 'string':
      return typeof value === 'string';
    case 'boolean':
      return typeof value === 'boolean';
    case 'figure':
      return value === null || Number.isFinite(value);
    case 'shares?':
      return (
        value === undefined ||
        (Array.isArray(value) && value.every((share) => share === null || Number.isFinite(share)))
      );
    case 'texts?':
      return value === undefined || (Array.isArray(value) && value.every((text) => typeof text === 'string'));
    case 'changes':
      return Array.isArray(value) && value.every(isChange);
    case 'lanes?':
      return value === undefined || (Array.isArray(value) && value.every(isLane));
  }
}

const isLane = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(laneFields).every(([name, kind]) => fits((value as Fields)[name], kind));

const isChange = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(changeFields).every(([name, kind]) => fits((value as Fields)[name], kind));

const isTimings = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  ['reduceMs', 'optimizeMs'].every((name) => Number.isFinite((value as Fields)[name]));

/** What was called broadcastMs in files of older versions has the name that it has everywhere. */
function timingsOf({ timings }: Fields): { timings?: Fields } {
  if (timings === undefined) return {};
  const { broadcastMs, ...rest } = timings as Fields;
  return { timings: broadcastMs === undefined ? rest : { fetchMs: broadcastMs, ...rest } };
}

/** Every text in it as people may see it. */
function shown(value: unknown): unknown {
  if (typeof value === 'string') return printable(value, maxTextLength);
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, shown(part)]));
}
