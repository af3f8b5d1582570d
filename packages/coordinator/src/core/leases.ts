/**
 * Who computes what. Pending leaves are dealt to idle workers as aligned nodes; which worker gets a leaf cannot
 * matter to the result, so the dealing may use rank and timing freely.
 */
import { balancedRanges, coverOf, leavesOf, type TreeNode } from '@unet-fleet/shared';
import type { CoreState, Effect, Member, Round } from './types.ts';

/** Leases all pending leaves of the round to the idle workers, in order of rank. */
export function assignLeases(state: CoreState, now: number, effects: Effect[]): void {
  const { round } = state;
  if (!round || round.committing || state.members.length < state.config.minWorkers) return;
  const idle = state.members.filter((member) => !member.lease);
  const pending = round.leaves.flatMap((leaf, index) => (leaf === 'pending' ? [index] : []));
  const shares = sharesOf(round, pending, idle.length, state.members.length);
  shares.forEach((share, index) => {
    const member = idle[index]!;
    const nodes = runsOf(share).flatMap(({ first, end }) =>
      round.kind === 'train'
        ? coverOf(first, end, round.leaves.length)
        : // Validation results are merged leaf by leaf, so each is a node of its own.
          Array.from({ length: end - first }, (_, i) => ({ level: 0, index: first + i })),
    );
    for (const leaf of share) round.leaves[leaf] = 'leased';
    const leaseId = state.nextLeaseId++;
    member.lease = { leaseId, kind: round.kind, step: round.step, nodes, sentAtMs: now, seen: false };
    effects.push({
      type: 'lease',
      workerId: member.workerId,
      leaseId,
      kind: round.kind,
      step: round.step,
      nodes,
    });
  });
}

/**
 * Training leaves are dealt out evenly at once: a step ends with its slowest worker, and higher nodes save traffic.
 * Validation has many leaves and nothing to add up, so each worker gets half of an even share and comes back.
 */
function sharesOf(round: Round, pending: number[], numIdle: number, numWorkers: number): number[][] {
  if (pending.length === 0 || numIdle === 0) return [];
  if (round.kind === 'train') {
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

/** Maximal runs of consecutive numbers in a sorted list. */
function runsOf(sorted: number[]): { first: number; end: number }[] {
  const runs: { first: number; end: number }[] = [];
  for (const value of sorted) {
    const last = runs.at(-1);
    if (last && last.end === value) last.end++;
    else runs.push({ first: value, end: value + 1 });
  }
  return runs;
}

/** Puts what a worker had not delivered back among the pending leaves. */
export function dropLease(state: CoreState, member: Member): void {
  const { round } = state;
  const { lease } = member;
  member.lease = null;
  if (!lease || !round || !leaseIsOf(round, lease)) return;
  for (const node of lease.nodes) returnNode(round, node);
}

/** Makes the leaves of a node pending again that nobody has delivered, and counts the attempt. */
export function returnNode(round: Round, node: TreeNode): void {
  for (const leaf of leavesOf(node, round.leaves.length)) {
    if (round.leaves[leaf] === 'done' || round.leaves[leaf] === 'pending') continue;
    round.leaves[leaf] = 'pending';
    round.attempts[leaf]!++;
  }
}

export const leaseIsOf = (round: Round, lease: { kind: string; step: number }): boolean =>
  lease.kind === round.kind && lease.step === round.step;

/** Notes a sign of life and the newest lease that the worker knows. False: it is no member. */
export function leaseSeen(
  state: CoreState,
  heartbeat: { now: number; workerId: string; leaseId: number },
): boolean {
  const member = state.members.find((candidate) => candidate.workerId === heartbeat.workerId);
  if (!member) return false;
  member.lastSeenMs = heartbeat.now;
  if (member.lease) member.lease.seen = member.lease.leaseId === heartbeat.leaseId;
  return true;
}

/** The control plane delivers at most once: a lease that its worker has not confirmed is sent again. */
export function resendLeases(state: CoreState, now: number, effects: Effect[]): void {
  for (const { workerId, lease } of state.members) {
    if (!lease || lease.seen || now - lease.sentAtMs < state.config.resendMs) continue;
    lease.sentAtMs = now;
    const { leaseId, kind, step, nodes } = lease;
    effects.push({ type: 'lease', workerId, leaseId, kind, step, nodes });
  }
}
