/**
 * Counts what peers send that is none: a malformed message or a damaged frame can happen to anybody, several come from
 * a peer that is broken or hostile. Such a one is named once, and cut off from then on.
 */

/** Faults that a peer may have: more than a cable or a race would explain. */
const maxFaults = 5;
/** Peers that are remembered: names are cheap to make up. */
const maxPeers = 4_096;

export class PeerFaults {
  readonly #numFaults = new Map<string, number>();

  /** Counts a fault, and returns a sentence when it is the one too many. `what` continues "it sent …". */
  count(peer: string, what: string): string | null {
    const numFaults = (this.#numFaults.get(peer) ?? 0) + 1;
    // The one that has been at fault last is forgotten last.
    this.#numFaults.delete(peer);
    this.#numFaults.set(peer, numFaults);
    if (this.#numFaults.size > maxPeers) this.#numFaults.delete(this.#numFaults.keys().next().value!);
    if (numFaults !== maxFaults + 1) return null;
    return `it has sent rubbish ${numFaults} times, the last time ${what}: it is cut off`;
  }

  isCutOff(peer: string): boolean {
    return (this.#numFaults.get(peer) ?? 0) > maxFaults;
  }
}
