/**
 * Answers of workers. The first valid answer for a leaf counts, later ones are dropped and counted; an answer counts
 * once its gradient lies with the reducers, and only then.
 */
import {
  type Dropped,
  firstLeaf,
  isNodeOf,
  leavesOf,
  rounds,
  sameNode,
  stepOn,
  type TreeNode,
  type Version,
} from '@unet-fleet/law';
import { measure } from './deadlines.ts';
import { returnNode, signOfLife } from './leases.ts';
import { describeLeaves, leaseIsOf, memberOf, numHolders } from './leaves.ts';
import { dismiss } from './members.ts';
import { coreRounds } from './rounds/index.ts';
import type { Result } from './rounds/round.ts';
import { forgive, suspect } from './suspects.ts';
import type { CoreEvent, CoreState, Effect, Member, Round } from './types.ts';

type EventOf<T extends CoreEvent['type']> = Extract<CoreEvent, { type: T }>;

/** Rejections are kept per worker and reason until the next commit; names come from peers. */
const maxRejections = 256;

export function acceptResult(state: CoreState, event: Result, effects: Effect[]): void {
  const { round } = state;
  const member = memberOf(state, event.workerId);
  if (!member) {
    reject(state, event.workerId, 'stranger');
    dismiss(state, event.workerId, effects);
    return;
  }
  signOfLife(member, event.now);
  if (!round || !leaseIsOf(round, event) || round.committing) {
    reject(state, member.name, 'stale');
    settle(event, effects);
    return;
  }
  if (!isWellFormed(state, round, event)) {
    reject(state, member.name, 'malformed');
    suspect(state, member.name, 'its answers are malformed', event.now, effects);
    return;
  }
  noteDelivery(state, round, member, event);
  if (isSentAgain(round, event)) {
    const isHere = leavesOf(event.node, round.leaves.length).every((leaf) => round.leaves[leaf] === 'done');
    if (isHere) settle(event, effects);
    return;
  }
  const leaves = leavesOf(event.node, round.leaves.length);
  if (leaves.some((leaf) => round.leaves[leaf] === 'received' || round.leaves[leaf] === 'done')) {
    // A twin has answered for one of these leaves; what it did not cover goes to somebody anew.
    reject(state, member.name, 'duplicate');
    settle(event, effects);
    for (const leaf of leaves) {
      if (round.leaves[leaf] === 'leased' && numHolders(state, leaf) === 0) round.leaves[leaf] = 'pending';
    }
    return;
  }
  if (!areFinite(state, round, member, event, effects)) return;
  const retried = leaves.filter((_, i) => event.leaves[i]!.isRetried);
  tellOfLeaves('leaf-retried', retried, { round, worker: member.name }, effects);
  accept(state, round, member, event, leaves, effects);
}

function accept(
  state: CoreState,
  round: Round,
  member: Member,
  event: Result,
  leaves: number[],
  effects: Effect[],
): void {
  leaves.forEach((leaf, index) => {
    round.sums[leaf] = event.leaves[index]!;
  });
  round.answers.push({
    node: event.node,
    workerId: member.workerId,
    worker: member.name,
    arrivedMs: event.now - round.startedAtMs,
    leaves: event.leaves,
  });
  if (rounds[round.kind].addsGradients) {
    for (const leaf of leaves) round.leaves[leaf] = 'received';
    const { workerId, version, node } = event;
    round.collecting.push({ workerId, node });
    effects.push({ type: 'reduce', workerId, version, node, numLeaves: round.leaves.length });
    return;
  }
  finish(state, round, event, effects);
}

/** Nothing more is wanted for the node's leaves. When they were the last, the round is complete. */
function finish(
  state: CoreState,
  round: Round,
  event: Result | EventOf<'node-reduced'>,
  effects: Effect[],
): void {
  const { kind } = round;
  const leaves = leavesOf(event.node, round.leaves.length);
  for (const leaf of leaves) round.leaves[leaf] = 'done';
  settle({ ...event, kind }, effects);
  countImages(state, round, leaves);
  if (event.type === 'result') coreRounds[kind].counted?.(round, event, effects);
  if (round.leaves.every((leaf) => leaf === 'done')) {
    coreRounds[kind].complete(state, round, event.now, effects);
  }
}

/** The worker need not send this again, nor keep its gradient. */
function settle(
  { workerId, kind, version, node }: Pick<Result, 'workerId' | 'kind' | 'version' | 'node'>,
  effects: Effect[],
): void {
  effects.push({ type: 'settle', workerId, kind, version, node });
}

function reject(state: CoreState, worker: string, reason: keyof Dropped): void {
  state.dropped[reason]++;
  const known = state.rejected.find((other) => other.worker === worker && other.reason === reason);
  if (known) known.count++;
  else if (state.rejected.length < maxRejections) state.rejected.push({ worker, reason, count: 1 });
}

/** Takes the node off the member's lease, and measures what it took. */
function noteDelivery(state: CoreState, round: Round, member: Member, event: Result): void {
  const { lease } = member;
  if (!lease || !leaseIsOf(round, lease)) return;
  lease.seen = true;
  const index = lease.nodes.findIndex((node) => sameNode(node, event.node));
  if (index < 0) return;
  lease.nodes.splice(index, 1);
  const numLeaves = event.leaves.length;
  const isFirst = member.numLeavesDelivered === 0;
  measure(state.leafTimes[event.kind], (event.now - lease.awaitedSinceMs) / numLeaves, isFirst);
  member.numLeavesDelivered += numLeaves;
  lease.awaitedSinceMs = event.now;
  if (lease.nodes.length > 0) return;
  member.lease = null;
  forgive(state, member.name);
}

/** Results are sent again until the round has moved on: the same answer of the same worker is no twin. */
const isSentAgain = (round: Round, event: Result): boolean =>
  ['received', 'done'].includes(round.leaves[firstLeaf(event.node)]!) &&
  round.answers.some((answer) => answer.workerId === event.workerId && sameNode(answer.node, event.node));

function isWellFormed(state: CoreState, round: Round, event: Result): boolean {
  if (!isNodeOf(event.node, round.leaves.length)) return false;
  if (event.leaves.length !== leavesOf(event.node, round.leaves.length).length) return false;
  return coreRounds[round.kind].isWellFormed(state, round, event);
}

/** Whether the run can go on with this answer; its leaves that are not finite are told of. */
function areFinite(
  state: CoreState,
  round: Round,
  member: Member,
  event: Result,
  effects: Effect[],
): boolean {
  const known = round.firstPass?.skippedLeaves ?? [];
  const wrong = leavesOf(event.node, round.leaves.length).filter(
    (leaf, i) => !event.leaves[i]!.isFinite && !known.includes(leaf),
  );
  if (wrong.length === 0) return true;
  if (state.config.onNonFinite !== 'skip') {
    state.over = true;
    effects.push({
      type: 'fail',
      cause: 'leaf',
      message: `the ${rounds[round.kind].addsGradients ? 'loss or gradient' : 'loss'} of ${describeLeaves(wrong)} of ${rounds[round.kind].nameOf(round.version)} is not a finite number (computed by ${member.name})`,
      leaf: { kind: round.kind, version: round.version, leaf: wrong[0]! },
    });
    return false;
  }
  tellOfLeaves('leaf-skipped', wrong, { round, worker: member.name }, effects);
  return true;
}

function tellOfLeaves(
  type: 'leaf-skipped' | 'leaf-retried',
  leaves: readonly number[],
  { round, worker }: { round: Round; worker: string },
  effects: Effect[],
): void {
  const { kind } = round;
  const step = stepOn(round.version);
  for (const leaf of leaves) effects.push({ type: 'emit', event: { type, kind, step, leaf, worker } });
}

function countImages(state: CoreState, round: Round, leaves: number[]): void {
  const { leafSize } = state.config.plan;
  for (const leaf of leaves) {
    round.numImagesDone += Math.min(leafSize, round.numImages - leaf * leafSize);
  }
}

/** The course of an average: the last transfers count most. */
const transferShare = 0.2;

/** A node's gradient lies with every reducer. When that was the last, the step can be committed. */
export function nodeReduced(state: CoreState, event: EventOf<'node-reduced'>, effects: Effect[]): void {
  const { transferMs } = event;
  state.transferMs =
    state.transferMs === null
      ? transferMs
      : state.transferMs + transferShare * (transferMs - state.transferMs);
  const round = collected(state, event);
  if (!round) return;
  finish(state, round, event, effects);
}

/** The round that waited for this transfer; null when it is over. */
function collected(
  { round }: CoreState,
  { workerId, version, node }: { workerId: string; version: Version; node: TreeNode },
): Round | null {
  if (!round || round.version !== version || round.committing) return null;
  const index = round.collecting.findIndex(
    (collect) => collect.workerId === workerId && sameNode(collect.node, node),
  );
  if (index < 0) return null;
  round.collecting.splice(index, 1);
  return round;
}

/** The gradient of an answer could not be fetched whole: its leaves go to somebody again. */
export function loseNode(state: CoreState, event: EventOf<'node-unavailable'>, effects: Effect[]): void {
  const round = collected(state, event);
  if (!round) return;
  const answer = round.answers.findIndex(
    ({ workerId, node }) => workerId === event.workerId && sameNode(node, event.node),
  );
  const [lost] = round.answers.splice(answer, 1);
  returnNode(state, event.node);
  reject(state, lost!.worker, 'unavailable');
  round.repeated.push({
    leaves: leavesOf(event.node, round.leaves.length),
    worker: lost!.worker,
    reason: `its gradient could not be fetched: ${event.reason}`,
  });
  // A member that answers but can't hand over; one that is gone has been told of already.
  if (memberOf(state, event.workerId)) {
    suspect(state, lost!.worker, 'its gradients could not be fetched', event.now, effects);
  }
}
