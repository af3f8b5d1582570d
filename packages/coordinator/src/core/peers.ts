/**
 * What is remembered of everybody who has spoken: the number of the newest message, and whether it has gone. Messages
 * outlive their senders, so this outlives membership: without it a worker's "ready" that arrives after the word of its
 * end would let it in again, and its last complaint would count twice.
 *
 * Bounded, as ids come from peers. Beyond the bound, whoever has been silent for longest is forgotten: should a message
 * of it arrive even later, it is taken for its first, and a worker that is let in by it is lost again by its silence.
 */
import type { CoreState } from './types.ts';

export interface Peer {
  /** Number of the newest message heard; 0 before the first. */
  heard: number;
  /** Its process has ended, or it said that it goes: it will not come back under this id. */
  isGone: boolean;
}

export const maxPeers = 4_096;

/**
 * Whether a worker's message counts: not one that comes late, twice or overtaken, and nothing of who has gone. To be
 * asked once of each, before anything else looks at it.
 */
export function hears(
  state: CoreState,
  workerId: string,
  { sequence, type }: { sequence: number; type: string },
): boolean {
  const { heard, isGone } = state.peers.get(workerId) ?? unknown;
  if (sequence <= heard) return false;
  note(state, workerId, { heard: sequence, isGone });
  // It may not know yet that it was released, and is told again.
  return !isGone || type === 'draining';
}

const unknown: Peer = { heard: 0, isGone: false };

/** Nothing of this worker counts from now on, whether it was a member or not. */
export const depart = (state: CoreState, workerId: string): void =>
  note(state, workerId, { heard: heardOf(state, workerId), isGone: true });

export const isGone = ({ peers }: CoreState, workerId: string): boolean =>
  peers.get(workerId)?.isGone ?? false;

export const heardOf = ({ peers }: CoreState, workerId: string): number => peers.get(workerId)?.heard ?? 0;

/** The order of the map is that of the last word, oldest first. */
function note({ peers }: CoreState, workerId: string, peer: Peer): void {
  peers.delete(workerId);
  peers.set(workerId, peer);
  if (peers.size <= maxPeers) return;
  const [oldest] = peers.keys();
  peers.delete(oldest!);
}
