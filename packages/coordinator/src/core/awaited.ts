/** What the run waits for: who, since when, why, until when, and what happens then. Asked at any moment. */
import { type Awaited, leavesOf, rounds, sameNode, stepOn, stepTo } from '@unet-fleet/law';
import { deadlinesOf, mayBeLate } from './deadlines.ts';
import { numActive } from './leases.ts';
import { describeLeaves, leaseIsOf, openLeavesOf } from './leaves.ts';
import { isLeaving } from './steering.ts';
import type { CoreState, Effect, Member } from './types.ts';

export const awaited = (state: CoreState): Awaited[] => [...eachAwaited(state)];

/** One after another, for who only wants to know whether there is any. */
export function* eachAwaited(state: CoreState): Generator<Awaited, void> {
  const { round, broker, ending } = state;
  if (state.over) return;
  if (broker) {
    yield {
      who: 'the broker',
      what: 'a connection',
      why: broker.reason,
      sinceMs: broker.lostAtMs,
      untilMs: null,
      outcome: 'training goes on by itself when it is back',
    };
  }
  if (state.pause && !ending) {
    const { by, sinceMs } = state.pause;
    yield {
      who: by,
      what: 'to let the run go on',
      why: round ? 'it is to pause once the step under way is finished' : 'it is paused',
      sinceMs,
      untilMs: null,
      outcome: 'the next step begins',
    };
  }
  const lack = lackOfWorkers(state);
  if (lack !== null) {
    yield {
      who: 'workers',
      what: 'to join',
      why: lack,
      sinceMs: state.waitingSinceMs,
      untilMs: null,
      outcome: 'training goes on by itself when they are here',
    };
  }
  if (ending) {
    yield {
      who: 'the disk',
      what: `the last checkpoint, of step ${stepTo(ending.version)}`,
      why: 'it is being written',
      sinceMs: state.lastCheckpointMs,
      untilMs: null,
      outcome: `the run ends: ${ending.reason}`,
    };
  }
  if (round?.committing) {
    yield {
      who: 'the reducers',
      what: `the update of step ${stepOn(round.version)}`,
      why: 'all leaves are here',
      sinceMs: round.startedAtMs,
      untilMs: null,
      outcome: 'the next step begins',
    };
  }
  for (const { workerId, node } of round?.collecting ?? []) {
    const leaves = leavesOf(node, round!.leaves.length);
    const answer = round!.answers.find((other) => other.workerId === workerId && sameNode(other.node, node));
    yield {
      who: answer?.worker ?? workerId,
      what: `the gradient of ${describeLeaves(leaves)} of step ${stepOn(round!.version)}`,
      why: 'it is being fetched',
      sinceMs: round!.startedAtMs + (answer?.arrivedMs ?? 0),
      untilMs: null,
      outcome: 'its leaves are given out again if it cannot be had',
    };
  }
  for (const member of state.members) {
    const leased = awaitedOf(state, member);
    if (leased) yield leased;
  }
  if (!round?.leaves.includes('pending') || lack !== null || broker) return;
  for (const member of state.members) {
    const undealt = freeSoon(state, member);
    if (undealt) yield undealt;
  }
}

/** Why a member of whom no leaf is awaited was given none although there is work. */
function freeSoon(state: CoreState, member: Member): Awaited | null {
  const { lease } = member;
  if (isLeaving(member)) return null;
  const common = { who: member.name, what: 'to be free for work' };
  const outcome = 'it is given what nobody computes';
  if (lease) {
    if (leaseIsOf(state.round!, lease) && openLeavesOf(state.round!, lease).length > 0) return null;
    const why = 'it computes what another worker has delivered';
    return { ...common, why, sinceMs: lease.awaitedSinceMs, untilMs: null, outcome };
  }
  if (member.disconnectedAtMs !== null) {
    const untilMs = member.lastSeenMs + state.config.silenceMs;
    const why = 'its connection to the broker is closed';
    return { ...common, why, sinceMs: member.disconnectedAtMs, untilMs, outcome: 'it is taken for lost' };
  }
  if (member.overtakenAtMs !== null) {
    const why = 'it still computes for a round that is over';
    return { ...common, why, sinceMs: member.overtakenAtMs, untilMs: null, outcome };
  }
  const suspect = state.suspects.find(({ name }) => name === member.name);
  if (!suspect) return null;
  const why = `it is set aside after ${suspect.numFailures} failures: ${suspect.reason}`;
  return { ...common, why, sinceMs: member.lastSeenMs, untilMs: suspect.pausedUntilMs, outcome };
}

function awaitedOf(state: CoreState, member: Member): Awaited | null {
  const { round, config } = state;
  const { lease } = member;
  if (!round || !lease || !leaseIsOf(round, lease)) return null;
  const leaves = openLeavesOf(round, lease);
  if (leaves.length === 0) return null;
  const what = `${describeLeaves(leaves)} of ${rounds[round.kind].nameOf(round.version)}`;
  const common = { who: member.name, what, sinceMs: lease.awaitedSinceMs };
  if (member.disconnectedAtMs !== null) {
    return {
      ...common,
      why: 'its connection to the broker is closed; idle workers get its leaves as well',
      untilMs: member.lastSeenMs + config.silenceMs,
      outcome: 'it is taken for lost',
    };
  }
  const { lateAtMs, hungAtMs } = deadlinesOf(state, member);
  if (lease.isRepeated) {
    return {
      ...common,
      why: 'it is late; an idle worker computes its leaves as well',
      untilMs: hungAtMs,
      outcome: 'its computation is taken for hung',
    };
  }
  return {
    ...common,
    why: whyComputing(member),
    untilMs: lateAtMs,
    outcome: 'its leaves are given to an idle worker as well',
  };
}

function whyComputing(member: Member): string {
  if (isLeaving(member)) return 'it leaves and hands over what it has finished';
  return member.numLeavesDelivered === 0 ? 'it computes its first leaves, which take longer' : 'it computes';
}

/** Why no work can be given out; null when it can. */
export function lackOfWorkers(state: CoreState): string | null {
  const numWorkers = numActive(state);
  const minWorkers = Math.max(1, state.config.minWorkers);
  if (state.ending || numWorkers >= minWorkers) return null;
  return `${numWorkers} of at least ${minWorkers} workers are here`;
}

/** Says once of each lease that it is late. */
export function sayWhoIsLate(state: CoreState, now: number, effects: Effect[]): void {
  const { round, broker } = state;
  if (!round || broker) return;
  for (const member of state.members) {
    const { lease } = member;
    if (!mayBeLate(member, now) || !lease || lease.isLateSaid || !leaseIsOf(round, lease)) continue;
    const { lateAtMs, hungAtMs } = deadlinesOf(state, member);
    if (now <= lateAtMs) continue;
    lease.isLateSaid = true;
    const leaves = openLeavesOf(round, lease);
    if (leaves.length === 0) continue;
    effects.push({
      type: 'emit',
      event: {
        type: 'worker-late',
        worker: member.name,
        step: stepOn(round.version),
        leaves: describeLeaves(leaves),
        elapsedMs: now - lease.awaitedSinceMs,
        usualMs: state.leafTimes[round.kind].medianMs,
        hungInMs: hungAtMs - now,
      },
    });
  }
}

/** Says once that the run waits for workers, and how many. */
export function sayWhetherWaiting(state: CoreState, now: number, effects: Effect[]): void {
  const reason = lackOfWorkers(state);
  if (reason !== null && reason !== state.waitingSaid) {
    if (state.waitingSaid === null) state.waitingSinceMs = now;
    const { minWorkers } = state.config;
    effects.push({
      type: 'emit',
      event: { type: 'waiting', reason, numWorkers: numActive(state), minWorkers },
    });
  }
  state.waitingSaid = reason;
}
