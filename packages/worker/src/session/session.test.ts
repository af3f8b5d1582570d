/** A worker's session, event by event: what it sends, when it leaves, and what it never forgets too early. */
import type { TreeNode } from '@unet-fleet/law';
import { describe, expect, it } from 'vitest';
import { handleSession, initialSession } from './session.ts';
import type { LeasedWork, ResultMessage, SessionEffect, SessionEvent } from './types.ts';

const config = {
  heartbeatMs: 1_000,
  resendMs: 3_000,
  silenceMs: 15_000,
  drainMs: 10_000,
  hungMs: 60_000,
  aloneMs: 600_000,
};
const [first, second]: [TreeNode, TreeNode] = [
  { level: 0, index: 0 },
  { level: 0, index: 1 },
];

const leaseOf = (leaseId: number, version: number, kind: 'train' | 'validation' = 'train'): LeasedWork => ({
  leaseId,
  kind,
  version,
  nodes: [first, second],
});

const resultOf = ({ kind, version }: LeasedWork, node: TreeNode): ResultMessage => ({
  type: 'result',
  term: 1,
  kind,
  version,
  node,
  leaves: [{ lossSum: 1, weightSum: 1, gradientNorm: 1, isFinite: true }],
  confusion: null,
  timings: { fetchMs: 0, dataMs: 0, computeMs: 0, sendMs: 0 },
});

type Timeless<T> = T extends { now: number } ? Omit<T, 'now'> : never;

class Worker {
  now = 0;
  readonly state = initialSession(config, 0);

  feed(event: Timeless<SessionEvent>): SessionEffect[] {
    return handleSession(this.state, { ...event, now: this.now } as SessionEvent);
  }

  /** Types of the messages that these effects send. */
  static sent(effects: SessionEffect[]): string[] {
    return effects.flatMap((effect) => (effect.type === 'send' ? [effect.message.type] : []));
  }
}

/** A member of term 1 with this lease. */
function member(lease: LeasedWork | null = null): Worker {
  const worker = new Worker();
  worker.feed({ type: 'tick' });
  worker.feed({ type: 'welcomed', term: 1 });
  worker.feed({ type: 'prepared', term: 1 });
  if (lease) worker.feed({ type: 'lease', term: 1, lease });
  return worker;
}

const types = (effects: SessionEffect[]) => effects.map(({ type }) => type);

describe('a session', () => {
  it('joins, prepares, announces itself and computes what it is leased, node by node', () => {
    const worker = new Worker();
    expect(types(worker.feed({ type: 'tick' }))).toEqual(['join']);
    expect(types(worker.feed({ type: 'welcomed', term: 1 }))).toEqual(['prepare']);
    expect(types(worker.feed({ type: 'prepared', term: 1 }))).toEqual(['announce']);
    const lease = leaseOf(1, 0);
    expect(worker.feed({ type: 'lease', term: 1, lease })).toContainEqual({
      type: 'compute',
      lease,
      node: first,
    });
    const after = worker.feed({ type: 'computed', leaseId: 1, results: [resultOf(lease, first)] });
    expect(Worker.sent(after)).toEqual(['result']);
    expect(after).toContainEqual({ type: 'compute', lease, node: second });
  });

  it('drops messages of an older term and joins anew for a newer one', () => {
    const worker = member(leaseOf(1, 0));
    expect(worker.feed({ type: 'over', term: 0, reason: 'old news', isComplete: true })).toEqual([]);
    expect(types(worker.feed({ type: 'pulse', term: 2, kind: 'train', version: 0 }))).toEqual(['join']);
  });

  it('prepares for one coordinator at a time, and for the newest last', () => {
    const worker = new Worker();
    expect(types(worker.feed({ type: 'welcomed', term: 1 }))).toEqual(['prepare']);
    expect(types(worker.feed({ type: 'pulse', term: 2, kind: 'train', version: 0 }))).toEqual(['join']);
    expect(worker.feed({ type: 'welcomed', term: 2 })).toEqual([]);
    expect(worker.feed({ type: 'prepared', term: 1 })).toEqual([{ type: 'prepare', term: 2 }]);
    expect(worker.feed({ type: 'prepared', term: 2 })).toEqual([{ type: 'announce', term: 2, sequence: 1 }]);
  });

  it('takes no word of an older term, not even while it is joining', () => {
    const worker = member(leaseOf(1, 0));
    worker.feed({ type: 'dismissed', term: 1, heard: worker.state.numSaid });
    expect(worker.feed({ type: 'welcomed', term: 0 })).toEqual([]);
    expect(worker.feed({ type: 'over', term: 0, reason: 'fenced out', isComplete: true })).toEqual([]);
    expect(types(worker.feed({ type: 'welcomed', term: 2 }))).toEqual(['prepare']);
  });

  it('ends with a run that is complete, and waits for one that was only stopped', () => {
    const worker = member(leaseOf(1, 0));
    const over = { type: 'over', term: 1, reason: 'the run is stopped' } as const;
    expect(types(worker.feed({ ...over, isComplete: false }))).toEqual(['join']);
    expect(types(worker.feed({ type: 'welcomed', term: 2 }))).toEqual(['prepare']);
    expect(worker.feed({ ...over, term: 2, isComplete: true })).toMatchObject([
      { type: 'exit', cause: 'over' },
    ]);
  });

  it('sends a result again until a later round is on; a pulse that was overtaken settles nothing', () => {
    const lease = leaseOf(1, 4);
    const worker = member(lease);
    worker.feed({ type: 'computed', leaseId: 1, results: [resultOf(lease, first)] });
    worker.feed({ type: 'pulse', term: 1, kind: 'train', version: 3 });
    worker.now = 3_000;
    expect(Worker.sent(worker.feed({ type: 'tick' }))).toContain('result');
    worker.feed({ type: 'pulse', term: 1, kind: 'validation', version: 5 });
    worker.now = 6_000;
    expect(Worker.sent(worker.feed({ type: 'tick' }))).not.toContain('result');
  });

  it('forgets a result, and its gradient, once the coordinator has it', () => {
    const lease = leaseOf(1, 4);
    const worker = member(lease);
    worker.feed({ type: 'computed', leaseId: 1, results: [resultOf(lease, first)] });
    const settled = { type: 'settled', term: 1, kind: 'train', version: 4, node: first } as const;
    expect(worker.feed(settled)).toEqual([{ type: 'forget', version: 4, node: first }]);
    expect(worker.feed(settled)).toEqual([]);
    worker.now = 3_000;
    expect(Worker.sent(worker.feed({ type: 'tick' }))).toEqual(['heartbeat']);
  });

  it('says all it has to say at once when the broker is back', () => {
    const lease = leaseOf(1, 4);
    const worker = member(lease);
    worker.feed({ type: 'computed', leaseId: 1, results: [resultOf(lease, first)] });
    expect(Worker.sent(worker.feed({ type: 'reconnected' }))).toEqual(['heartbeat', 'result']);
    const joining = new Worker();
    joining.feed({ type: 'tick' });
    expect(types(joining.feed({ type: 'reconnected' }))).toEqual(['join']);
  });

  it('gives up a lease whose round is over, and says that it is free when the leaf under way has ended', () => {
    const worker = member(leaseOf(1, 4));
    worker.feed({ type: 'pulse', term: 1, kind: 'train', version: 5 });
    expect(worker.state.lease).toBeNull();
    const effects = worker.feed({ type: 'abandoned', leaseId: 1 });
    expect(effects).toMatchObject([{ type: 'send', message: { type: 'heartbeat', isComputing: false } }]);
  });

  it('is asked to leave: hands over what is finished, names it, and goes when it is released', () => {
    const lease = leaseOf(1, 0);
    const worker = member(lease);
    worker.feed({ type: 'computed', leaseId: 1, results: [resultOf(lease, first)] });
    expect(types(worker.feed({ type: 'leave-requested', reason: 'SIGTERM' }))).toEqual(['hand-over']);
    const draining = worker.feed({ type: 'computed', leaseId: 1, results: [] });
    expect(draining).toMatchObject([
      { type: 'send', message: { type: 'draining', kind: 'train', version: 0, nodes: [first] } },
    ]);
    // Either message may be lost.
    worker.now = 3_000;
    expect(Worker.sent(worker.feed({ type: 'tick' }))).toEqual(['result', 'draining']);
    expect(worker.feed({ type: 'lease', term: 1, lease: leaseOf(2, 1) })).toEqual([]);
    expect(worker.feed({ type: 'released', term: 1 })).toEqual([
      { type: 'exit', reason: 'SIGTERM', cause: 'requested' },
    ]);
  });

  it('leaves within its grace when nobody answers', () => {
    const worker = member(leaseOf(1, 0));
    worker.feed({ type: 'leave-requested', reason: 'SIGTERM' });
    worker.now = 10_001;
    const effects = worker.feed({ type: 'tick' });
    expect(Worker.sent(effects)).toEqual(['bye']);
    expect(effects.at(-1)).toMatchObject({ type: 'exit', cause: 'requested' });
  });

  it('leaves at once when it is no member, or a new coordinator has begun', () => {
    const exit = [{ type: 'exit', reason: 'SIGTERM', cause: 'requested' }];
    expect(new Worker().feed({ type: 'leave-requested', reason: 'SIGTERM' })).toEqual(exit);
    const worker = member(leaseOf(1, 0));
    worker.feed({ type: 'leave-requested', reason: 'SIGTERM' });
    expect(worker.feed({ type: 'pulse', term: 2, kind: 'train', version: 0 })).toEqual(exit);
  });

  it('goes when no coordinator has answered for too long, whether there was one before or not', () => {
    const exit = { type: 'exit', cause: 'alone' };
    const worker = new Worker();
    worker.now = 600_000;
    expect(worker.feed({ type: 'tick' })).toEqual([{ type: 'join' }]);
    worker.now = 600_001;
    expect(worker.feed({ type: 'tick' })).toMatchObject([exit]);
    const left = member();
    left.now = 500_000;
    left.feed({ type: 'over', term: 1, reason: 'the run has failed', isComplete: false });
    left.now = 600_000;
    expect(types(left.feed({ type: 'tick' }))).not.toContain('exit');
    left.now = 1_100_001;
    expect(left.feed({ type: 'tick' })).toMatchObject([exit]);
    const preparing = new Worker();
    preparing.feed({ type: 'welcomed', term: 1 });
    preparing.now = 500_000;
    preparing.feed({ type: 'pulse', term: 1, kind: 'train', version: 0 });
    preparing.now = 1_100_000;
    expect(preparing.feed({ type: 'tick' })).toEqual([]);
    preparing.now = 1_100_001;
    expect(preparing.feed({ type: 'tick' })).toMatchObject([exit]);
  });

  it('announces itself anew only when the computation of its old life has ended, and ends when it does not', () => {
    const worker = member(leaseOf(1, 0));
    worker.feed({ type: 'dismissed', term: 1, heard: worker.state.numSaid });
    worker.feed({ type: 'welcomed', term: 1 });
    expect(worker.feed({ type: 'prepared', term: 1 })).toEqual([]);
    const other = structuredClone(worker.state);
    expect(types(worker.feed({ type: 'abandoned', leaseId: 1 }))).toEqual(['announce']);
    expect(handleSession(other, { type: 'tick', now: 60_001 })).toMatchObject([
      { type: 'exit', cause: 'hung' },
    ]);
  });
});
