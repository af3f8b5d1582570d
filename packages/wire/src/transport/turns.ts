/**
 * Requests of many peers that wait to be served: each peer in turn, its own in order, so that one that asks for everything
 * at once makes nobody else wait for all of it. Bounded for each peer and in all; what is beyond is not taken. Queues of
 * libraries, such as p-queue, know priorities but no turns.
 */

/** Requests of one peer, and of all, that wait at most. */
const maxOfPeer = 64;
const maxOfAll = 4_096;

export class Turns<T> {
  /** By peer, in the order of their turns. */
  readonly #waiting = new Map<string, T[]>();
  #size = 0;

  /** What waits of this peer, in order. */
  of(peer: string): readonly T[] {
    return this.#waiting.get(peer) ?? [];
  }

  /** False where the bound is reached: the request is not taken. */
  add(peer: string, request: T): boolean {
    const ofPeer = this.#waiting.get(peer) ?? [];
    if (ofPeer.length >= maxOfPeer || this.#size >= maxOfAll) return false;
    ofPeer.push(request);
    this.#waiting.set(peer, ofPeer);
    this.#size++;
    return true;
  }

  /** Of the peer whose turn it is, which goes to the end of the row. */
  next(): T | undefined {
    for (const [peer, ofPeer] of this.#waiting) {
      this.#waiting.delete(peer);
      const request = ofPeer.shift();
      if (ofPeer.length > 0) this.#waiting.set(peer, ofPeer);
      this.#size--;
      return request;
    }
    return undefined;
  }

  clear(): void {
    this.#waiting.clear();
    this.#size = 0;
  }
}
