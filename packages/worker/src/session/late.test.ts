/**
 * The net for messages that outlive their moment: every kind that a coordinator can say, and every event of the session,
 * comes late, twice or overtaken, whatever has become of the worker and of the term. A kind that is not in the tables
 * fails here.
 */
import { readFileSync } from 'node:fs';
import type { DownMessage } from '@unet-fleet/wire';
import { downMessage } from '@unet-fleet/wire/protocol/messages';
import { expect, it } from 'vitest';
import { hears } from './conversation.ts';
import { handleSession, initialSession } from './session.ts';
import type { ResultMessage, SessionEffect, SessionEvent, SessionState } from './types.ts';

type Timeless<T> = T extends { now: number } ? Omit<T, 'now'> : never;
type Event = Timeless<SessionEvent>;

const config = {
  heartbeatMs: 1_000,
  resendMs: 3_000,
  silenceMs: 15_000,
  drainMs: 10_000,
  hungMs: 60_000,
  aloneMs: 600_000,
};
const node = { level: 0, index: 0 };
const term = 1;
const lease = { leaseId: 1, kind: 'train' as const, version: 0, nodes: [node] };
const result: ResultMessage = {
  type: 'result',
  term,
  kind: 'train',
  version: 0,
  node,
  leaves: [{ lossSum: 1, weightSum: 1, gradientNorm: 1, isFinite: true }],
  confusion: null,
  timings: { fetchMs: 0, dataMs: 0, computeMs: 0, sendMs: 0 },
};

class Worker {
  readonly state: SessionState = initialSession(config, 0);
  feed(event: Event): SessionEffect[] {
    return handleSession(this.state, { ...event, now: 0 } as SessionEvent);
  }

  join(inTerm: number): void {
    this.feed({ type: 'welcomed', term: inTerm });
    this.feed({ type: 'prepared', term: inTerm });
  }

  /** All that decides what is done next; that something was said again does not. */
  get course(): string {
    const { phase, lease, todo, isPreparing, isComputing, isReadyAfterComputing, drain, unconfirmed } =
      this.state;
    const results = unconfirmed.map((entry) => entry.result);
    const { term: inTerm } = this.state;
    return JSON.stringify([
      ...[phase, inTerm, lease, todo, isPreparing, isComputing, isReadyAfterComputing, drain, results],
    ]);
  }
}

/** What each message of a coordinator is to the session; null: nothing. */
const told: Record<DownMessage['type'], Event | null> = {
  lease: { type: 'lease', term, lease },
  segment: null,
  dismissed: { type: 'dismissed', term, heard: 1 },
  refusal: { type: 'turned-away', term, reason: 'it has other data' },
  settled: { type: 'settled', term, kind: 'train', version: 0, node },
  drain: { type: 'drain', term },
  released: { type: 'released', term },
  pulse: { type: 'pulse', term, kind: 'train', version: 1 },
  over: { type: 'over', term, reason: 'the run is stopped', isComplete: false },
};

/** What may have become of the worker before the message arrives. */
const fates: Record<string, { comes(worker: Worker): void; isNewTerm?: true }> = {
  'it joins': { comes: () => {} },
  'it prepares': { comes: (worker) => worker.feed({ type: 'welcomed', term }) },
  'it is a member': { comes: (worker) => worker.join(term) },
  'it computes': {
    comes: (worker) => {
      worker.join(term);
      worker.feed(told.lease!);
    },
  },
  'it has delivered': {
    comes: (worker) => {
      worker.join(term);
      worker.feed(told.lease!);
      worker.feed({ type: 'computed', leaseId: 1, results: [result] });
    },
  },
  'it was dismissed': {
    comes: (worker) => {
      worker.join(term);
      worker.feed(told.dismissed!);
    },
  },
  'it joined anew': {
    comes: (worker) => {
      worker.join(term);
      worker.feed(told.dismissed!);
      worker.join(term);
    },
  },
  'it drains': {
    comes: (worker) => {
      worker.join(term);
      worker.feed(told.drain!);
    },
  },
  'it has gone': {
    comes: (worker) => {
      worker.join(term);
      worker.feed(told.drain!);
      worker.feed(told.released!);
    },
  },
  'it has heard of a newer term': {
    comes: (worker) => {
      worker.join(term);
      worker.feed({ type: 'pulse', term: term + 1, kind: 'train', version: 0 });
    },
    isNewTerm: true,
  },
  'it works for a newer term': {
    comes: (worker) => {
      worker.join(term);
      worker.feed({ type: 'pulse', term: term + 1, kind: 'train', version: 0 });
      worker.join(term + 1);
    },
    isNewTerm: true,
  },
};

/** Every event that is nobody's message, as it may come twice; the worker's own words about its own work come once. */
const others: Record<
  Exclude<SessionEvent['type'], Extract<Event, { term: number }>['type']>,
  Event | 'once'
> = {
  tick: { type: 'tick' },
  reconnected: { type: 'reconnected' },
  refused: { type: 'refused', reason: 'another version' },
  'leave-requested': { type: 'leave-requested', reason: 'SIGTERM' },
  computed: 'once',
  abandoned: 'once',
  failed: { type: 'failed', message: 'a photo cannot be read' },
};
const welcomed: Event = { type: 'welcomed', term };

it('has every message of a coordinator and every event of the session in its tables', () => {
  expect(Object.keys(told).sort()).toEqual(downMessage.options.map(({ shape }) => shape.type.value).sort());
  for (const { shape } of downMessage.options) expect(shape).toMatchObject({ term: {}, sequence: {} });
  const source = readFileSync(new URL('./session.ts', import.meta.url), 'utf8');
  const kinds = Array.from(source.matchAll(/case '([a-z-]+)':/g), ([, kind]) => kind);
  const known = [...Object.values(told).flatMap((event) => event?.type ?? []), ...Object.keys(others)];
  expect([...known, welcomed.type].sort()).toEqual(kinds.sort());
});

it.each(Object.keys(fates))('takes a message once, in its order, of the newest term, where %s', (name) => {
  const worker = new Worker();
  expect(hears(worker.state, { term, sequence: 7 })).toBe(true);
  fates[name]!.comes(worker);
  for (const sequence of [7, 7, 3]) expect(hears(worker.state, { term, sequence })).toBe(false);
  expect(hears(worker.state, { term: term + 1, sequence: 2 })).toBe(true);
  expect(hears(worker.state, { term, sequence: 8 })).toBe(false);
  expect(hears(worker.state, { term: term + 1, sequence: 2 })).toBe(false);
});

it.each(Object.keys(fates))('is changed by nothing that comes twice, where %s', (name) => {
  for (const event of [...Object.values(told), ...Object.values(others), welcomed]) {
    if (event === null || event === 'once') continue;
    const worker = new Worker();
    fates[name]!.comes(worker);
    worker.feed(event);
    const after = worker.course;
    worker.feed(event);
    worker.feed(event);
    expect(worker.course, event.type).toBe(after);
  }
});

it.each(Object.keys(fates).filter((name) => fates[name]!.isNewTerm))(
  'takes no word of an older term, whatever it is, where %s',
  (name) => {
    for (const event of [...Object.values(told), welcomed]) {
      if (event === null) continue;
      const worker = new Worker();
      fates[name]!.comes(worker);
      const before = worker.course;
      expect(worker.feed(event), event.type).toEqual([]);
      expect(worker.course, event.type).toBe(before);
    }
  },
);

it('stays where it is when it is dismissed for what it said before it was ready', () => {
  const worker = new Worker();
  worker.join(term);
  const { announcedAs } = worker.state;
  expect(worker.feed({ type: 'dismissed', term, heard: announcedAs - 1 })).toEqual([]);
  expect(worker.state.phase).toBe('member');
  expect(worker.feed({ type: 'dismissed', term, heard: announcedAs })).toEqual([{ type: 'join' }]);
});

it('numbers what it says, anew each time', () => {
  const worker = new Worker();
  worker.join(term);
  worker.feed(told.lease!);
  const effects = worker.feed({ type: 'computed', leaseId: 1, results: [result] });
  const again = handleSession(worker.state, { type: 'tick', now: config.resendMs });
  const numbers = [...effects, ...again].flatMap((effect) =>
    effect.type === 'send' ? [effect.message.sequence] : [],
  );
  expect(numbers.length).toBeGreaterThan(1);
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  expect(numbers[0]).toBeGreaterThan(worker.state.announcedAs);
});
