/**
 * What is remembered of everybody who has spoken: the number of the newest message, whether it has gone, and whether a
 * person has sent it away. Messages outlive their senders and a wish outlives a silence, so this outlives membership:
 * without it a worker's "ready" that arrives after the word of its end would let it in again, its last complaint would
 * count twice, and who was removed for its silence would come back to work that it was asked to leave.
 *
 * Bounded, as ids come from peers. Beyond the bound, whoever has been silent for longest is forgotten: should a message
 * of it arrive even later, it is taken for its first, and a worker that is let in by it is lost again by its silence.
 */
import type { CoreState, Peer } from './types.ts';

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
  const { heard, isGone } = peerOf(state, workerId);
  if (sequence <= heard) return false;
  note(state, workerId, { heard: sequence });
  // It may not know yet that it was released, and is told again.
  return !isGone || type === 'draining';
}

const unknown: Peer = { heard: 0, isGone: false, isSentAway: false };

const peerOf = ({ peers }: CoreState, workerId: string): Peer => peers.get(workerId) ?? unknown;

/** Nothing of this worker counts from now on, whether it was a member or not. */
export const depart = (state: CoreState, workerId: string): void => note(state, workerId, { isGone: true });

/** A person wants it to leave. */
export const sendAway = (state: CoreState, workerId: string): void =>
  note(state, workerId, { isSentAway: true });

export const isGone = (state: CoreState, workerId: string): boolean => peerOf(state, workerId).isGone;

export const isSentAway = (state: CoreState, workerId: string): boolean => peerOf(state, workerId).isSentAway;

export const heardOf = (state: CoreState, workerId: string): number => peerOf(state, workerId).heard;

/** The order of the map is that of the last word, oldest first. */
function note(state: CoreState, workerId: string, news: Partial<Peer>): void {
  const { peers } = state;
  const peer = { ...peerOf(state, workerId), ...news };
  peers.delete(workerId);
  peers.set(workerId, peer);
  if (peers.size <= maxPeers) return;
  const [oldest] = peers.keys();
  peers.delete(oldest!);
}
