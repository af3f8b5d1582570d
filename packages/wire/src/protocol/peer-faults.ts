/**
 * Counts what peers send that is none: a malformed message or a damaged frame can happen to anybody, several within
 * minutes come from a peer that is broken or hostile. Such a one is named once, and cut off from then on.
 */

/** Faults that a peer may have: more than a cable or a race would explain. */
const maxFaults = 5;
/** A peer without a fault for this long starts from none again, unless it is cut off. */
const forgottenAfterMs = 600_000;
/** Peers that are remembered: names are cheap to make up. */
const maxPeers = 4_096;

export class PeerFaults {
  readonly #faults = new Map<string, { count: number; lastMs: number }>();

  /** Counts a fault, and returns a sentence when it is the one too many. `what` is what was sent. */
  count(peer: string, what: string, nowMs: number): string | null {
    const before = this.#faults.get(peer);
    const isFresh = before && (before.count > maxFaults || nowMs - before.lastMs < forgottenAfterMs);
    const count = (isFresh ? before.count : 0) + 1;
    // The one that has been at fault last is forgotten last.
    this.#faults.delete(peer);
    this.#faults.set(peer, { count, lastMs: nowMs });
    if (this.#faults.size > maxPeers) this.#faults.delete(this.#faults.keys().next().value!);
    if (count !== maxFaults + 1) return null;
    return `it has sent rubbish ${count} times, the last time ${what}: it is cut off`;
  }

  isCutOff(peer: string): boolean {
    return (this.#faults.get(peer)?.count ?? 0) > maxFaults;
  }
}
