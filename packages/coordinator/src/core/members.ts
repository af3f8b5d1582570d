/** Who works for the run: joining, leaving, being cut off, failing. */
import { isNodeOf, leavesOf } from '@unet-fleet/law';
import { deadlinesOf } from './deadlines.ts';
import { dropLease, signOfLife } from './leases.ts';
import { leaseIsOf, memberOf, openLeavesOf } from './leaves.ts';
import { depart, heardOf, isGone } from './peers.ts';
import { askIfSentAway } from './steering.ts';
import { suspect } from './suspects.ts';
import type { CoreEvent, CoreState, Effect, Lease, Member } from './types.ts';

type EventOf<T extends CoreEvent['type']> = Extract<CoreEvent, { type: T }>;

export function admit(state: CoreState, event: EventOf<'worker-ready'>, effects: Effect[]): void {
  if (isGone(state, event.workerId)) return;
  const known = memberOf(state, event.workerId);
  if (known) {
    // It joined anew under the same term: whatever it was leased is lost to it.
    dropLease(state, known, 'it joined anew', false);
    known.lastSeenMs = event.now;
    known.disconnectedAtMs = null;
    known.isDraining = false;
    known.overtakenAtMs = null;
    askIfSentAway(state, known, event.now, effects);
    return;
  }
  const member: Member = {
    workerId: event.workerId,
    name: event.name,
    lastSeenMs: event.now,
    lease: null,
    isDraining: false,
    drainAskedAtMs: null,
    disconnectedAtMs: null,
    overtakenAtMs: null,
    numLeavesDelivered: 0,
  };
  state.members.push(member);
  effects.push({
    type: 'emit',
    event: {
      type: 'worker-joined',
      worker: event.name,
      numWorkers: state.members.length,
      numLeaves: Math.ceil(state.config.plan.batchSize / state.config.plan.leafSize),
    },
  });
  askIfSentAway(state, member, event.now, effects);
}

/** `isFailure`: it ended in a way that counts against it and the leaf that it was computing. */
export function leave(state: CoreState, event: Departure, effects: Effect[]): void {
  depart(state, event.workerId);
  remove(state, event, effects);
}

type Departure = Omit<EventOf<'worker-gone'>, 'type'>;

function remove(state: CoreState, { workerId, reason, isFailure, now }: Departure, effects: Effect[]): void {
  const index = state.members.findIndex((member) => member.workerId === workerId);
  if (index < 0) return;
  const [member] = state.members.splice(index, 1);
  dropLease(state, member!, reason, isFailure);
  effects.push({ type: 'forget', workerId });
  effects.push({
    type: 'emit',
    event: { type: 'worker-left', worker: member!.name, reason, numWorkers: state.members.length },
  });
  if (isFailure) suspect(state, member!.name, reason, now, effects);
}

/** Unless it has gone: then there is nobody to hear it. */
export function dismiss(state: CoreState, workerId: string, effects: Effect[]): void {
  if (isGone(state, workerId)) return;
  effects.push({ type: 'dismiss', workerId, heard: heardOf(state, workerId) });
}

/**
 * It says what a person has to mend, and ends. Another worker may have what this one lacks, so it is the second
 * worker's complaint about the same leaf that ends the run.
 */
export function fail(state: CoreState, event: EventOf<'worker-failed'>, effects: Effect[]): void {
  const { workerId, message, now } = event;
  const { round } = state;
  const lease = memberOf(state, workerId)?.lease;
  const leaf = round && lease && leaseIsOf(round, lease) ? openLeavesOf(round, lease)[0] : undefined;
  if (leaf !== undefined && round!.complaints.includes(leaf)) {
    state.over = true;
    const { kind, version } = round!;
    effects.push({ type: 'fail', cause: 'worker', message, leaf: { kind, version, leaf } });
    return;
  }
  if (leaf !== undefined) round!.complaints.push(leaf);
  leave(state, { workerId, reason: message, isFailure: true, now }, effects);
}

/** Removes who has been silent for too long, and whose computation hangs. */
export function removeLost(state: CoreState, now: number, effects: Effect[]): void {
  for (const member of [...state.members]) {
    const reason = whyLost(state, member, now);
    if (reason === null) continue;
    remove(state, { workerId: member.workerId, reason, isFailure: true, now }, effects);
    dismiss(state, member.workerId, effects);
  }
}

function whyLost(state: CoreState, member: Member, now: number): string | null {
  const silentMs = now - member.lastSeenMs;
  if (silentMs > state.config.silenceMs) return `no sign of life for ${Math.round(silentMs / 1000)} s`;
  const since = member.lease?.awaitedSinceMs ?? member.overtakenAtMs;
  if (since === null || now <= deadlinesOf(state, member).hungAtMs) return null;
  return `its computation has hung for ${Math.round((now - since) / 1000)} s`;
}

/** It may come back with its results; meanwhile its leaves may go to others as well. */
export function disconnect(state: CoreState, event: EventOf<'worker-disconnected'>): void {
  const member = memberOf(state, event.workerId);
  if (member) member.disconnectedAtMs ??= event.now;
}

/** Takes back what it will not deliver, and lets it go once the rest is here. */
export function drain(state: CoreState, event: EventOf<'worker-draining'>, effects: Effect[]): void {
  const member = memberOf(state, event.workerId);
  if (!member) {
    depart(state, event.workerId);
    effects.push({ type: 'release', workerId: event.workerId });
    return;
  }
  signOfLife(member, event.now);
  if (member.isDraining) return;
  member.isDraining = true;
  const { lease } = member;
  dropLease(state, member, 'it was asked to leave', false);
  if (lease) member.lease = leaseOfDelivered(state, lease, event);
}

/** What a draining worker has sent and has not arrived, as a lease: nothing else of it is awaited. */
function leaseOfDelivered(
  { round }: CoreState,
  lease: Lease,
  event: EventOf<'worker-draining'>,
): Lease | null {
  if (!round || !leaseIsOf(round, lease) || !leaseIsOf(round, event)) return null;
  const numLeaves = round.leaves.length;
  const nodes = event.nodes.filter(
    (node) =>
      isNodeOf(node, numLeaves) &&
      leavesOf(node, numLeaves).every((leaf) => ['pending', 'leased'].includes(round.leaves[leaf]!)),
  );
  if (nodes.length === 0) return null;
  for (const node of nodes) for (const leaf of leavesOf(node, numLeaves)) round.leaves[leaf] = 'leased';
  return { ...lease, nodes, seen: true, awaitedSinceMs: event.now };
}

/** Lets drained workers go of whom nothing is awaited any more. */
export function releaseDrained(state: CoreState, now: number, effects: Effect[]): void {
  const drained = state.members.filter(({ isDraining, lease }) => isDraining && !lease);
  for (const { workerId } of drained) {
    if (state.round?.collecting.some((collect) => collect.workerId === workerId)) continue;
    effects.push({ type: 'release', workerId });
    leave(state, { workerId, reason: 'it was asked to leave', isFailure: false, now }, effects);
  }
}
