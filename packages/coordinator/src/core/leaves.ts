/** Small questions about nodes, leaves and who holds them. */
import { endLeaf, firstLeaf, leavesOf, type TreeNode, type Version } from '@unet-fleet/law';
import type { CoreState, Lease, Member, Round } from './types.ts';

export const numLeavesOf = (node: TreeNode, numLeaves: number): number =>
  endLeaf(node, numLeaves) - firstLeaf(node);

export const leaseIsOf = (round: Round, lease: { kind: string; version: Version }): boolean =>
  lease.kind === round.kind && lease.version === round.version;

export const memberOf = (state: CoreState, workerId: string): Member | undefined =>
  state.members.find((candidate) => candidate.workerId === workerId);

/** Leaves of a lease that nobody has delivered, by anybody. */
export const openLeavesOf = (round: Round, lease: Lease): number[] =>
  lease.nodes.flatMap((node) =>
    leavesOf(node, round.leaves.length).filter((leaf) => round.leaves[leaf] === 'leased'),
  );

/** How many members were given this leaf and have not answered. */
export function numHolders(state: CoreState, leaf: number): number {
  const round = state.round!;
  return state.members.filter(
    ({ lease }) =>
      lease &&
      leaseIsOf(round, lease) &&
      lease.nodes.some((node) => firstLeaf(node) <= leaf && leaf < endLeaf(node, round.leaves.length)),
  ).length;
}

/** Such as "leaf 3" or "leaves 0 to 2, 5"; leaves count from 0. */
export function describeLeaves(leaves: number[]): string {
  const runs = runsOf([...leaves].sort((a, b) => a - b));
  const text = runs.map(({ first, end }) => (end - first === 1 ? `${first}` : `${first} to ${end - 1}`));
  return `${leaves.length === 1 ? 'leaf' : 'leaves'} ${text.join(', ')}`;
}

/** Maximal runs of consecutive numbers in a sorted list. */
export function runsOf(sorted: number[]): { first: number; end: number }[] {
  const runs: { first: number; end: number }[] = [];
  for (const value of sorted) {
    const last = runs.at(-1);
    if (last && last.end === value) last.end++;
    else runs.push({ first: value, end: value + 1 });
  }
  return runs;
}
