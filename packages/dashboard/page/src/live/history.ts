/**
 * A run's history as it grows: what messages add to it. Pure, and bounded: curves are thinned as the server thins them,
 * events and lanes keep the newest.
 */
import { thin } from '../../../src/history/thin.ts';
import {
  type CurvePoints,
  type History,
  maxPoints,
  type Point,
  type ServerMessage,
} from '../../../src/protocol.ts';

export const maxLanes = 60;
/** Newest ones that are kept. */
export const maxEvents = 2_000;

type Update = Extract<ServerMessage, { type: 'update' }>;

/** What is there already, by step or by id, is not added again: updates may overlap a history that was just loaded. */
export function withUpdate(history: History, { curves, events, lanes }: Update): History {
  const lastEvent = history.events.at(-1)?.id ?? 0;
  const lastLane = history.lanes.at(-1)?.step ?? 0;
  const newEvents = events.filter(({ id }) => id > lastEvent);
  const newLanes = lanes.filter(({ step }) => step > lastLane);
  return {
    ...history,
    curves: withPoints(history.curves, curves),
    events: newEvents.length === 0 ? history.events : [...history.events, ...newEvents].slice(-maxEvents),
    lanes: newLanes.length === 0 ? history.lanes : [...history.lanes, ...newLanes].slice(-maxLanes),
  };
}

function withPoints(curves: History['curves'], added: CurvePoints): History['curves'] {
  const { classIou, classIouStep, ...lines } = added;
  const grown = { ...curves };
  for (const name of Object.keys(lines) as (keyof typeof lines)[]) {
    if (name in grown) grown[name] = appended(grown[name], lines[name] ?? []);
  }
  if (classIou !== undefined && classIouStep !== undefined) {
    grown.classIou = grown.classIou.map((points, index) =>
      appended(points, [[classIouStep, classIou[index] ?? null]]),
    );
  }
  return grown;
}

/** With twice as many points as are drawn, a curve is thinned: not at each step, and never without bound. */
export function appended(points: Point[], added: readonly Point[]): Point[] {
  const last = points.at(-1)?.[0] ?? -1;
  const fresh = added.filter(([step]) => step > last);
  if (fresh.length === 0) return points;
  const all = [...points, ...fresh];
  return all.length > 2 * maxPoints ? thin(all, maxPoints) : all;
}

export function withEvaluated(history: History, step: number): History {
  const { evaluatedSteps } = history;
  if (evaluatedSteps.includes(step)) return history;
  return { ...history, evaluatedSteps: [...evaluatedSteps, step].sort((left, right) => left - right) };
}

export function withCheckpoint(
  history: History,
  { step, at, isBest }: Extract<ServerMessage, { type: 'checkpoint' }>,
): History {
  if (history.checkpoints.some((known) => known.step === step)) return history;
  return { ...history, checkpoints: [...history.checkpoints, { step, at, isBest }].slice(-maxPoints) };
}
