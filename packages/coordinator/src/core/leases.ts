/**
 * Who computes what. Pending leaves are dealt to idle workers as aligned nodes; a leaf that is late is given to an idle
 * worker a second time, and the first answer counts. Which worker gets a leaf cannot matter to the result, so the
 * dealing may use rank and timing freely.
 */
import {
  balancedRanges,
  childrenOf,
  coverOf,
  leavesOf,
  rounds,
  stepOn,
  type TreeNode,
} from '@unet-fleet/law';
import { deadlinesOf, mayBeLate } from './deadlines.ts';
import { describeLeaves, leaseIsOf, memberOf, numHolders, openLeavesOf, runsOf } from './leaves.ts';
import { isLeaving } from './steering.ts';
import { isPaused } from './suspects.ts';
import type { CoreState, Effect, Lease, Member, Round } from './types.ts';

/** A leaf is computed by this many workers at a time at most. */
const maxHolders = 2;
/**
 * A worker hands over the highest nodes it can add up by itself, in few vectors. More of them are handed over as long as
 * what that costs stays within this share of the time in which the lease is computed: then the loss of a worker costs a
 * part and not all it had. Each part is a vector in the worker's memory until it is fetched.
 */
const maxTransferShare = 0.05;
const maxParts = 4;

/** Leases what is to be done to the idle workers, in order of rank: first what nobody has, then what is late. */
export function assignLeases(state: CoreState, now: number, effects: Effect[]): void {
  const { round } = state;
  if (!round || round.committing || state.broker) return;
  if (numActive(state) < state.config.minWorkers) return;
  const late = lateFirst(state, now);
  if (late.length === 0 && !round.leaves.includes('pending')) return;
  const idle = state.members.filter((member) => isIdle(state, member, now));
  if (idle.length === 0) return;
  const pending = round.leaves.flatMap((leaf, index) => (leaf === 'pending' ? [index] : []));
  const shares = sharesOf(round, pending, idle.length, state.members.length);
  for (const share of shares) {
    for (const leaf of share) round.leaves[leaf] = 'leased';
    const nodes = nodesOf(state, share);
    if (rounds[round.kind].addsGradients)
      divide(nodes, round.leaves.length, numPartsOf(state, nodes.length, share.length));
    give(state, idle.shift()!, nodes, now, effects);
  }
  for (const member of late) {
    if (idle.length === 0) return;
    repeatLate(state, round, member, idle, now, effects);
  }
}

/** Members that can be counted on. */
export function numActive({ members }: CoreState): number {
  let number = 0;
  for (const member of members) if (!isLeaving(member) && member.disconnectedAtMs === null) number++;
  return number;
}

const isIdle = (state: CoreState, member: Member, now: number): boolean =>
  !member.lease &&
  !isLeaving(member) &&
  member.disconnectedAtMs === null &&
  member.overtakenAtMs === null &&
  !isPaused(state, member.name, now);

/** The nodes that a worker hands these leaves over in. */
function nodesOf(state: CoreState, leaves: number[]): TreeNode[] {
  const { kind, leaves: all } = state.round!;
  // What has no gradient is merged leaf by leaf, so each is a node of its own.
  if (!rounds[kind].addsGradients) return leaves.map((index) => ({ level: 0, index }));
  return runsOf(leaves).flatMap(({ first, end }) => coverOf(first, end, all.length));
}

function give(state: CoreState, member: Member, nodes: TreeNode[], now: number, effects: Effect[]): void {
  const { kind, version } = state.round!;
  const leaseId = state.nextLeaseId++;
  member.lease = {
    leaseId,
    kind,
    version,
    nodes,
    sentAtMs: now,
    awaitedSinceMs: now,
    seen: false,
    isRepeated: false,
    isLateSaid: false,
  };
  effects.push(leaseOf(state.round!, member.workerId, member.lease));
}

function leaseOf(round: Round, workerId: string, { leaseId, nodes }: Lease): Effect {
  const { kind, version, firstPass } = round;
  const told = firstPass && { totals: firstPass.totals, skippedLeaves: firstPass.skippedLeaves };
  return { type: 'lease', workerId, leaseId, kind, version, nodes, ...(told && { firstPass: told }) };
}

/** Replaces the first of the highest nodes by its children, as long as there are few enough. In place. */
function divide(nodes: TreeNode[], numLeaves: number, numParts: number): void {
  while (nodes.length < numParts) {
    const highest = Math.max(...nodes.map(({ level }) => level));
    if (highest === 0) return;
    const index = nodes.findIndex(({ level }) => level === highest);
    nodes.splice(index, 1, ...childrenOf(nodes[index]!, numLeaves));
  }
}

/** In how many vectors a lease of so many nodes and leaves may be handed over. */
function numPartsOf({ transferMs, leafTimes }: CoreState, numNodes: number, numLeaves: number): number {
  if (transferMs === null) return numNodes;
  const affordableMs = maxTransferShare * numLeaves * leafTimes.train.medianMs;
  return Math.min(maxParts, numNodes + Math.floor(affordableMs / transferMs));
}

/**
 * The leaves of a step are dealt out evenly at once: it ends with its slowest worker. Validation has many leaves and
 * nothing to add up, so each worker gets half of an even share and comes back.
 */
function sharesOf(round: Round, pending: number[], numIdle: number, numWorkers: number): number[][] {
  if (pending.length === 0) return [];
  if (rounds[round.kind].isOfStep) {
    return balancedRanges(pending.length, Math.min(numIdle, pending.length)).map(({ first, end }) =>
      pending.slice(first, end),
    );
  }
  const size = Math.max(1, Math.ceil(pending.length / (2 * numWorkers)));
  const shares = [];
  for (let i = 0; i < numIdle && i * size < pending.length; i++) {
    shares.push(pending.slice(i * size, (i + 1) * size));
  }
  return shares;
}

/** Members whose lease should not be waited for alone: those cut off first, then the latest. */
function lateFirst(state: CoreState, now: number): Member[] {
  const late: { member: Member; lateMs: number }[] = [];
  for (const member of state.members) {
    const isCutOff = member.lease !== null && member.disconnectedAtMs !== null;
    if (!isCutOff && !mayBeLate(member, now)) continue;
    const lateMs = isCutOff ? Number.POSITIVE_INFINITY : now - deadlinesOf(state, member).lateAtMs;
    if (lateMs > 0) late.push({ member, lateMs });
  }
  return late.sort((a, b) => (a.lateMs === b.lateMs ? 0 : b.lateMs - a.lateMs)).map(({ member }) => member);
}

/** Gives a late worker's leaves to idle ones as well; takes those from the list that got some. */
function repeatLate(
  state: CoreState,
  round: Round,
  late: Member,
  idle: Member[],
  now: number,
  effects: Effect[],
): void {
  const lease = late.lease!;
  if (!leaseIsOf(round, lease)) return;
  const leaves = openLeavesOf(round, lease).filter((leaf) => numHolders(state, leaf) < maxHolders);
  if (leaves.length === 0) return;
  const reason =
    late.disconnectedAtMs === null
      ? `late after ${seconds(now - lease.awaitedSinceMs)}`
      : 'its connection to the broker is closed';
  lease.isRepeated = true;
  for (const { first, end } of balancedRanges(leaves.length, Math.min(idle.length, leaves.length))) {
    const share = leaves.slice(first, end);
    const member = idle.shift()!;
    give(state, member, twinNodesOf(state, lease, share), now, effects);
    round.repeated.push({ leaves: share, worker: late.name, reason });
    effects.push({
      type: 'emit',
      event: {
        type: 'lease-repeated',
        worker: late.name,
        to: member.name,
        step: stepOn(round.version),
        leaves: describeLeaves(share),
        reason,
      },
    });
  }
}

/**
 * Cut where the late worker's own nodes end, so that the answer of one is never worth less for a leaf that the other
 * has delivered; and last first, so that the two meet in the middle.
 */
function twinNodesOf(state: CoreState, lease: Lease, share: number[]): TreeNode[] {
  const numLeaves = state.round!.leaves.length;
  return lease.nodes
    .flatMap((node) =>
      nodesOf(
        state,
        leavesOf(node, numLeaves).filter((leaf) => share.includes(leaf)),
      ),
    )
    .reverse();
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** Puts what a worker had not delivered, and no other worker has either, back among the pending leaves. */
export function dropLease(state: CoreState, member: Member, reason: string, isFailure: boolean): void {
  const { round } = state;
  const { lease } = member;
  member.lease = null;
  if (!lease || !round || !leaseIsOf(round, lease)) return;
  const leaves = openLeavesOf(round, lease);
  if (leaves.length === 0) return;
  for (const leaf of leaves) if (numHolders(state, leaf) === 0) round.leaves[leaf] = 'pending';
  round.repeated.push({ leaves, worker: member.name, reason });
  // The one it was computing, if it was its computing that ended it.
  if (isFailure) round.attempts[leaves[0]!]!++;
}

/**
 * The round before is over, and so are its leases. Who has not answered all of its own may still compute, and is
 * given nothing until it says that it does not.
 */
export function endOldLeases(state: CoreState, now: number): void {
  for (const member of state.members) {
    if (!member.lease || (state.round && leaseIsOf(state.round, member.lease))) continue;
    member.lease = null;
    member.overtakenAtMs = now;
  }
}

/** The gradient of an accepted node could not be had: its leaves go to somebody again. */
export function returnNode(state: CoreState, node: TreeNode): void {
  const round = state.round!;
  for (const leaf of leavesOf(node, round.leaves.length)) {
    if (round.leaves[leaf] === 'received') {
      round.leaves[leaf] = numHolders(state, leaf) > 0 ? 'leased' : 'pending';
    }
  }
}

/** Notes a sign of life and the newest lease that the worker knows. False: it is no member. */
export function leaseSeen(
  state: CoreState,
  heartbeat: { now: number; workerId: string; leaseId: number; isComputing: boolean },
): boolean {
  const member = memberOf(state, heartbeat.workerId);
  if (!member) return false;
  signOfLife(member, heartbeat.now);
  if (!heartbeat.isComputing) member.overtakenAtMs = null;
  if (member.lease) member.lease.seen = member.lease.leaseId === heartbeat.leaseId;
  return true;
}

export function signOfLife(member: Member, now: number): void {
  member.lastSeenMs = now;
  member.disconnectedAtMs = null;
}

/** The control plane delivers at most once: a lease that its worker has not confirmed is sent again. */
export function resendLeases(state: CoreState, now: number, effects: Effect[]): void {
  for (const { workerId, lease } of state.members) {
    if (!lease || lease.seen || now - lease.sentAtMs < state.config.resendMs) continue;
    lease.sentAtMs = now;
    effects.push(leaseOf(state.round!, workerId, lease));
  }
}
