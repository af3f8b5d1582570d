/**
 * What a run is doing, in lines for a terminal: all of it at once, or what has changed since the lines before. Pure. The
 * head comes of the same function as the live page's, so that both say the same.
 */

import type { Status } from '@unet-fleet/dashboard/protocol';
import { bytes } from '@unet-fleet/law';
import type { RecordedStatus } from '@unet-fleet/record';
import { compact, counted, duration, rateText, shareText } from './format.ts';

/** A coordinator writes once a second. */
const staleMs = 10_000;
/** Between two lines about steps alone. */
const progressEveryMs = 10_000;

export interface StatusView {
  /** Of the run's folder. */
  name: string;
  status: RecordedStatus;
  /** With what the run's metrics add; null where they can't be read. */
  head: Status | null;
}

export const isOver = ({ status }: StatusView): boolean => status.state === 'over';

const isStale = ({ status }: StatusView, now: Date): boolean =>
  status.state !== 'over' && now.getTime() - Date.parse(status.at) > staleMs;

/** All that there is to say, what matters most first. */
export function statusLines(view: StatusView, now: Date): string[] {
  const { status, head, name } = view;
  const ago = (iso: string) => duration(now.getTime() - Date.parse(iso));
  const { checkpoint } = status;
  return [
    ...(isStale(view, now) ? [staleLine(view, now)] : []),
    `run ${name} (${status.runId}), start ${status.term}: ${progressText(view)}`,
    ...wishes(view),
    ...bestLine(head),
    checkpoint
      ? `newest checkpoint: step ${checkpoint.step}, ${ago(checkpoint.at)} ago`
      : 'no checkpoint yet in this start',
    ...status.awaited.map(
      ({ since, ...one }) => `awaited: ${awaitedText(status.at, one, `for ${ago(since)}`)}`,
    ),
    ...status.workers.map((worker) => `worker ${workerText(view, worker, ago)}`),
  ];
}

const staleLine = ({ status }: StatusView, now: Date): string =>
  `this was ${duration(now.getTime() - Date.parse(status.at))} ago: the coordinator (process ${status.pid}) has ended or ` +
  'hangs; continue the run with --resume';

function progressText({ status, head }: StatusView): string {
  const isAtWork = status.state === 'training' || status.state === 'validating';
  const parts = [
    status.state,
    head && `epoch ${head.epoch} of ${head.numEpochs}`,
    `step ${status.step} of ${status.numSteps}`,
    head && isAtWork && head.imagesPerSecond > 0 && rateText(head.imagesPerSecond),
    head && isAtWork && head.timeLeftMs !== null && `${duration(head.timeLeftMs)} left`,
  ];
  return parts.filter(Boolean).join(', ');
}

const wishes = ({ status }: StatusView): string[] => [
  ...(status.isPaused && status.state !== 'paused'
    ? ['pauses after the step under way, as somebody asked']
    : []),
  ...(status.stopsAfterEpoch ? ['stops after this epoch, as somebody asked'] : []),
];

const bestLine = (head: Status | null): string[] =>
  head?.best
    ? [
        `best so far: mean IoU ${shareText(head.best.meanIou)}, validation loss ${compact(head.best.loss)}, at step ${head.best.step}`,
      ]
    : [];

type Awaited = RecordedStatus['awaited'][number];

function awaitedText(
  at: string,
  { what, who, why, until, outcome }: Omit<Awaited, 'since'>,
  since: string,
): string {
  const limit =
    until === null ? 'as long as it takes' : `for another ${duration(Date.parse(until) - Date.parse(at))}`;
  return `${what} from ${who}, ${since} (${why}), ${limit}; then ${outcome}`;
}

function workerText(
  { status }: StatusView,
  { name, state, lastSeen, reason }: RecordedStatus['workers'][number],
  ago: (iso: string) => string,
): string {
  const facts = status.facts?.find((one) => one.name === name);
  const parts = [
    `${name}: ${state}`,
    facts?.isStraggler && 'the straggler',
    facts && facts.imagesPerSecond > 0 && rateText(facts.imagesPerSecond),
    facts && `${facts.device} on ${facts.host}, ${counted(facts.numThreads, 'thread')}`,
    facts && facts.residentBytes > 0 && bytes(facts.residentBytes),
    facts?.gpu &&
      `GPU ${Math.round(100 * facts.gpu.utilization)} %, ${bytes(facts.gpu.memoryBytes)} of its memory`,
    facts && facts.numRestarts > 0 && `came back ${counted(facts.numRestarts, 'time')}`,
    `heard of ${ago(lastSeen)} ago`,
  ];
  return `${parts.filter(Boolean).join(', ')}${reason ? `; failed before: ${reason}` : ''}`;
}

/** What was told of a run so far, for `changedLines`. */
export interface Told {
  /** Sentences that stand, each under what it is about. */
  facts: Map<string, string>;
  step: number;
  progressAtMs: number;
}

/**
 * The lines that are new since `told` (null: none were printed), and what is told with them. Clocks alone change nothing,
 * so a run that does nothing prints nothing; steps alone are told about every ten seconds.
 */
export function changedLines(
  told: Told | null,
  view: StatusView,
  now: Date,
): { lines: string[]; told: Told } {
  const facts = standing(view, now);
  const lines = [...facts].flatMap(([about, text]) =>
    about !== 'state' && told?.facts.get(about) !== text ? [text] : [],
  );
  for (const [about, text] of told?.facts ?? []) {
    if (about.startsWith('worker ') && !facts.has(about)) lines.push(`${about} is gone`);
    if (about.startsWith('awaited ') && !facts.has(about)) lines.push(`no longer ${text}`);
  }
  const isDue =
    told === null ||
    told.facts.get('state') !== facts.get('state') ||
    (view.status.step !== told.step && now.getTime() - told.progressAtMs >= progressEveryMs);
  if (isDue) lines.unshift(`run ${view.name}: ${progressText(view)}`);
  return {
    lines: lines.map((line) => `${now.toISOString().slice(0, 19)}Z  ${line}`),
    told: {
      facts,
      step: isDue || !told ? view.status.step : told.step,
      progressAtMs: isDue || !told ? now.getTime() : told.progressAtMs,
    },
  };
}

/** Whether a worker computes or waits for its next leaf changes with every step. */
const ordinary = new Set(['computing', 'idle']);
/** What is awaited for less than this is a step's ordinary course. */
const unusualMs = 5_000;

function standing(view: StatusView, now: Date): Map<string, string> {
  const { status, head } = view;
  const facts = new Map<string, string>();
  facts.set('state', `${status.term} ${status.state} ${head?.epoch}`);
  if (isStale(view, now)) {
    facts.set(
      'stale',
      `nothing was heard for ${duration(staleMs)}: the coordinator (process ${status.pid}) has ended or hangs; continue the run with --resume`,
    );
  }
  for (const wish of wishes(view)) facts.set(wish, wish);
  for (const best of bestLine(head)) facts.set('best', best);
  if (status.checkpoint) facts.set('checkpoint', `newest checkpoint: step ${status.checkpoint.step}`);
  for (const { name, state, reason } of status.workers) {
    const shown = ordinary.has(state) ? 'at work' : state;
    facts.set(`worker ${name}`, `worker ${name}: ${shown}${reason ? `; failed before: ${reason}` : ''}`);
  }
  const isAtWork = status.state === 'training' || status.state === 'validating';
  for (const { who, what, why, since, outcome } of status.awaited) {
    if (isAtWork && Date.parse(status.at) - Date.parse(since) < unusualMs) continue;
    facts.set(`awaited ${who} ${since}`, `awaited: ${what} from ${who} (${why}); then ${outcome}`);
  }
  return facts;
}
