/**
 * The net for messages that outlive their moment: every kind that a worker can say, and every event of the core, comes
 * late, twice or overtaken, whatever has become of its sender. A kind that is not in the tables fails here.
 */
import { readFileSync } from 'node:fs';
import { initialEarlyStopping, initialSchedule } from '@unet-fleet/law';
import type { UpMessage } from '@unet-fleet/wire';
import { upMessage } from '@unet-fleet/wire/protocol/messages';
import { describe, expect, it } from 'vitest';
import { handle } from './handle.ts';
import { hears, maxPeers } from './peers.ts';
import { initialState } from './state.ts';
import { config as toyConfig } from './toy-cluster.test-helper.ts';
import type { CoreConfig, CoreEvent, CoreState, Effect } from './types.ts';

type Timeless<T> = T extends { now: number } ? Omit<T, 'now'> : never;
type Event = Timeless<CoreEvent>;

const config: CoreConfig = {
  ...toyConfig,
  plan: { numTrainSamples: 8, numValidationSamples: 2, batchSize: 4, leafSize: 1, epochs: 2, seed: 1 },
};
const schedule = {
  schedule: 'constant',
  learningRate: 0.1,
  epochs: 2,
  plateauPatience: 2,
  plateauFactor: 0.1,
  stepEpochs: 1,
  stepFactor: 0.1,
  warmupSteps: 0,
  finalLearningRate: 0,
} as const;
const sums = { lossSum: 1, weightSum: 1, gradientNorm: 1, isFinite: true };
const first = { level: 0, index: 0 };
/** Of whom it is asked. */
const workerId = 'w';

/** A run in its first step, of two workers: the first has all leaves, the other is idle. */
class Run {
  readonly state: CoreState;
  now = 0;
  readonly effects: Effect[] = [];

  constructor() {
    this.state = initialState(config, {
      version: 0,
      validationPending: false,
      schedule: initialSchedule(schedule, 2),
      earlyStopping: initialEarlyStopping({ earlyStopping: 0 }),
      best: null,
    });
    this.feed({ type: 'worker-ready', workerId, name: workerId });
    this.feed({ type: 'worker-ready', workerId: 'other', name: 'other' });
  }

  feed(event: Event): Effect[] {
    const effects = handle(this.state, { ...event, now: this.now } as CoreEvent);
    this.effects.push(...effects);
    return effects;
  }

  /** All that decides what is done next; times and counts of what was dropped do not. */
  courseOf(kind: string): string {
    const { members, round, progress, nextLeaseId, ending, over, pause, stopSinceMs, interventions } =
      this.state;
    // Who joins anew is given the same once more: that it is no copy of a "ready" is known by its number.
    const leaseIds = kind !== 'worker-ready';
    const who = members.map(({ workerId: id, lease, isDraining, drainAskedAtMs, overtakenAtMs }) => [
      ...[id, leaseIds && lease?.leaseId, lease?.nodes, isDraining, drainAskedAtMs, overtakenAtMs],
    ]);
    const { leaves, attempts, collecting, complaints, answers, committing } = round ?? {};
    return JSON.stringify([
      ...[
        who,
        leaves,
        attempts,
        collecting,
        complaints,
        answers,
        committing,
        progress,
        leaseIds && nextLeaseId,
      ],
      ...[ending, over, pause, stopSinceMs, interventions],
    ]);
  }

  get isMember(): boolean {
    return this.state.members.some((member) => member.workerId === workerId);
  }
}

const result: Event = {
  type: 'result',
  workerId,
  kind: 'train',
  version: 0,
  node: first,
  leaves: [sums],
  confusion: null,
};

/** What each message of a worker is to the core; null: nothing. */
const said: Record<UpMessage['type'], Event | null> = {
  ready: { type: 'worker-ready', workerId, name: workerId },
  heartbeat: { type: 'heartbeat', workerId, leaseId: 1, isComputing: true },
  result,
  failed: { type: 'worker-failed', workerId, message: 'a photo cannot be read' },
  bye: { type: 'worker-gone', workerId, reason: 'it left', isFailure: false },
  draining: { type: 'worker-draining', workerId, kind: 'train', version: 0, nodes: [first] },
  segmented: null,
};

/** What may have become of the worker, and of its round and run, before the message arrives. */
const fates: Record<string, { comes(run: Run): void; isGone?: true; isOver?: true }> = {
  'it is a member': { comes: () => {} },
  'it joined anew': { comes: (run) => run.feed(said.ready!) },
  'it delivered': { comes: (run) => run.feed(result) },
  'it was disconnected': { comes: (run) => run.feed({ type: 'worker-disconnected', workerId }) },
  'it was asked to leave': {
    comes: (run) => run.feed({ type: 'drain-requested', workerId, by: 'a person' }),
  },
  'it drains': { comes: (run) => run.feed(said.draining!) },
  'it was silent for too long': {
    comes: (run) => {
      run.now = config.silenceMs + 1;
      run.feed({ type: 'heartbeat', workerId: 'other', leaseId: 0, isComputing: false });
      run.feed({ type: 'tick' });
      expect(run.isMember).toBe(false);
    },
  },
  'it was released': {
    comes: (run) => run.feed({ ...said.draining!, nodes: [] } as Event),
    isGone: true,
  },
  'it failed': { comes: (run) => run.feed(said.failed!), isGone: true },
  'it said goodbye': { comes: (run) => run.feed(said.bye!), isGone: true },
  'its process ended': {
    comes: (run) =>
      run.feed({ type: 'worker-gone', workerId, reason: 'it was killed by SIGKILL', isFailure: true }),
    isGone: true,
  },
  'it ended before it was let in': {
    comes: (run) => {
      run.state.members = run.state.members.filter((member) => member.workerId !== workerId);
      run.feed(said.bye!);
    },
    isGone: true,
  },
  'the round is over': {
    comes: (run) => {
      run.state.round = null;
      run.state.progress.version = 1;
      run.feed({ type: 'tick' });
    },
  },
  'the run is ending': {
    comes: (run) => {
      run.state.round = null;
      run.feed({ type: 'stop-requested' });
    },
  },
  'the run is over': {
    comes: (run) => {
      run.state.over = true;
    },
    isOver: true,
  },
};

/** Every event, as it may come twice. */
const events: Record<CoreEvent['type'], Event | 'once'> = {
  'worker-ready': said.ready!,
  'worker-gone': said.bye!,
  'worker-failed': said.failed!,
  'worker-draining': said.draining!,
  'worker-disconnected': { type: 'worker-disconnected', workerId },
  heartbeat: said.heartbeat!,
  result,
  tick: { type: 'tick' },
  stalled: { type: 'stalled', forMs: 5_000 },
  'broker-lost': { type: 'broker-lost', reason: 'it is away' },
  'broker-back': { type: 'broker-back' },
  'node-reduced': { type: 'node-reduced', workerId, version: 0, node: first, transferMs: 3 },
  'node-unavailable': { type: 'node-unavailable', workerId, version: 0, node: first, reason: 'lost' },
  // The shell's own word, of a commit that it was told to do: another one would be a step that counts twice.
  committed: 'once',
  'checkpoint-written': { type: 'checkpoint-written', version: 0, isFinal: false },
  'checkpoint-failed': { type: 'checkpoint-failed', version: 0, message: 'the disk is full', isFinal: false },
  'stop-requested': { type: 'stop-requested' },
  'pause-requested': { type: 'pause-requested', by: 'a person' },
  'resume-requested': { type: 'resume-requested', by: 'a person' },
  'checkpoint-requested': { type: 'checkpoint-requested', by: 'a person' },
  'drain-requested': { type: 'drain-requested', workerId, by: 'a person' },
  'stop-after-epoch': { type: 'stop-after-epoch', isWanted: true, by: 'a person' },
  'learning-rate': {
    type: 'learning-rate',
    intervention: { step: 3, learningRate: 0.01, previousRate: null, at: '', by: 'a person' },
  },
};

const fateNames = Object.keys(fates);

it('has every message of a worker and every event of the core in its tables', () => {
  expect(Object.keys(said).sort()).toEqual(upMessage.options.map(({ shape }) => shape.type.value).sort());
  for (const { shape } of upMessage.options) expect(shape).toMatchObject({ term: {}, sequence: {} });
  const source = readFileSync(new URL('./handle.ts', import.meta.url), 'utf8');
  const kinds = Array.from(source.matchAll(/case '([a-z-]+)':/g), ([, kind]) => kind);
  expect(Object.keys(events).sort()).toEqual(kinds.sort());
});

describe('a message that comes late', () => {
  it.each(fateNames)('counts once, whatever kind it is, where %s', (name) => {
    for (const type of Object.keys(said) as UpMessage['type'][]) {
      const run = new Run();
      expect(hears(run.state, workerId, { sequence: 7, type })).toBe(true);
      fates[name]!.comes(run);
      for (const sequence of [7, 7, 3]) {
        expect(hears(run.state, workerId, { sequence, type }), type).toBe(false);
      }
    }
  });

  it.each(fateNames)('changes nothing when it is doubled, where %s', (name) => {
    for (const [kind, event] of Object.entries(events)) {
      const run = new Run();
      fates[name]!.comes(run);
      if (event === 'once') {
        const feed = () => run.feed({ type: 'committed', version: 0, gradientNorm: 1 });
        fates[name]!.isOver ? expect(feed()).toEqual([]) : expect(feed).toThrow('was committed but');
        continue;
      }
      // Whoever steers asks the core for the next step first, and there is none.
      if (kind === 'learning-rate' && name === 'the run is ending') {
        expect(() => run.feed(event)).toThrow('which has begun');
        continue;
      }
      const fresh = run.courseOf(kind);
      run.feed(event);
      const after = run.courseOf(kind);
      if (fates[name]!.isOver) expect(after, kind).toBe(fresh);
      run.feed(event);
      run.feed(event);
      expect(run.courseOf(kind), kind).toBe(after);
      expect(run.effects.filter(({ type }) => type === 'fail' || type === 'finish')).toEqual([]);
      if (fates[name]!.isGone) expect(run.isMember, kind).toBe(false);
    }
  });

  it.each(fateNames.filter((name) => fates[name]!.isGone))(
    'is not heard at all, or answered with a release, where %s',
    (name) => {
      for (const [type, event] of Object.entries(said)) {
        const run = new Run();
        fates[name]!.comes(run);
        const before = run.courseOf(type);
        expect(hears(run.state, workerId, { sequence: 9, type }), type).toBe(type === 'draining');
        if (type === 'draining') expect(run.feed(event!)).toContainEqual({ type: 'release', workerId });
        expect(run.courseOf(type)).toBe(before);
      }
    },
  );
});

it('counts a complaint once, so that it takes two workers to end a run', () => {
  const run = new Run();
  const complaint = said.failed!;
  for (const event of [complaint, complaint, said.ready!, complaint]) run.feed(event);
  expect(run.state.over).toBe(false);
  const other = run.state.members[0]!;
  expect(other.workerId).toBe('other');
  run.feed({ type: 'worker-gone', workerId: 'other', reason: 'lost', isFailure: false });
  run.feed({ type: 'worker-ready', workerId: 'third', name: 'third' });
  run.feed({ type: 'worker-failed', workerId: 'third', message: 'a photo cannot be read' });
  expect(run.effects.at(-1)).toMatchObject({ type: 'fail', cause: 'worker' });
});

it('does not dismiss who has gone, and names what it heard of whom it dismisses', () => {
  const run = new Run();
  hears(run.state, 'stranger', { sequence: 4, type: 'heartbeat' });
  const beat: Event = { type: 'heartbeat', workerId: 'stranger', leaseId: 0, isComputing: false };
  expect(run.feed(beat)).toContainEqual({ type: 'dismiss', workerId: 'stranger', heard: 4 });
  run.feed({ type: 'worker-gone', workerId: 'stranger', reason: 'it left', isFailure: false });
  expect(run.feed(beat)).toEqual([]);
});

it('remembers a bounded number of workers, and forgets who has been silent for longest', () => {
  const { state } = new Run();
  hears(state, 'old', { sequence: 5, type: 'bye' });
  hears(state, 'speaks', { sequence: 5, type: 'heartbeat' });
  for (let i = 0; i < maxPeers - 1; i++) hears(state, `id-${i}`, { sequence: 1, type: 'heartbeat' });
  expect(hears(state, 'speaks', { sequence: 6, type: 'heartbeat' })).toBe(true);
  for (let i = 0; i < maxPeers - 1; i++) hears(state, `id-${i}`, { sequence: 2, type: 'heartbeat' });
  expect(state.peers.size).toBe(maxPeers);
  expect(hears(state, 'speaks', { sequence: 6, type: 'heartbeat' })).toBe(false);
  // Taken for its first, as the bound says.
  expect(hears(state, 'old', { sequence: 5, type: 'ready' })).toBe(true);
});
