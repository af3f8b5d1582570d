/**
 * Requests for the same, answered together: a bucket of weights is sent once for all who want it, so it waits until all who
 * took the weights before have asked for it too. What it keeps true: who does not ask makes the others wait once for each
 * version, and briefly; nothing is answered to anybody who has not asked; and what waits is bounded, whoever asks.
 */
import { type Clock, realClock } from '@unet-fleet/shared';

/** Workers that got their leases at the same moment ask within this. */
const gatherMs = 50;
/** Requests that wait at most, and peers that are known. */
const maxWaiting = 4_096;

interface Bucket<Request> {
  /** By peer. */
  requests: Map<string, Request>;
  stopWaiting(): void;
}

export class Gathering<Request> {
  readonly #onDue: () => void;
  readonly #clock: Clock;
  #version = -1;
  /** Who took the version before, and asks for this one in time. */
  #expected = new Set<string>();
  /** Who has asked for anything of this version. */
  #present = new Set<string>();
  /** Buckets of this version, and who has been answered. */
  readonly #answered = new Map<string, Set<string>>();
  readonly #waiting = new Map<string, Bucket<Request>>();
  #numWaiting = 0;
  /** Buckets whose turn has come, in order. */
  readonly #due = new Set<string>();

  /** `onDue` is told when `next` has something to give. */
  constructor(onDue: () => void, clock: Clock = realClock) {
    this.#onDue = onDue;
    this.#clock = clock;
  }

  /** False where the bound is reached: the request is not taken. */
  add(version: number, bucket: string, peer: string, request: Request): boolean {
    if (version > this.#version) this.#begin(version);
    if (this.#numWaiting === maxWaiting || this.#present.size === maxWaiting) return false;
    this.#present.add(peer);
    const { requests } = this.#waiting.get(bucket) ?? this.#open(bucket);
    if (!requests.has(peer)) this.#numWaiting++;
    requests.set(peer, request);
    if (this.#isComplete(bucket)) this.#makeDue(bucket);
    return true;
  }

  /** All who have asked for the bucket whose turn it is. */
  next(): Request[] | undefined {
    for (const bucket of this.#due) {
      this.#due.delete(bucket);
      const { requests, stopWaiting } = this.#waiting.get(bucket)!;
      stopWaiting();
      this.#waiting.delete(bucket);
      this.#numWaiting -= requests.size;
      const answered = this.#answered.get(bucket) ?? new Set();
      for (const peer of requests.keys()) answered.add(peer);
      this.#answered.set(bucket, answered);
      return [...requests.values()];
    }
    return undefined;
  }

  clear(): void {
    for (const { stopWaiting } of this.#waiting.values()) stopWaiting();
    this.#waiting.clear();
    this.#due.clear();
    this.#numWaiting = 0;
  }

  /** What waits of the version before waits for nobody any more. */
  #begin(version: number): void {
    this.#version = version;
    this.#expected = this.#present;
    this.#present = new Set();
    this.#answered.clear();
    for (const bucket of this.#waiting.keys()) this.#makeDue(bucket);
  }

  #open(bucket: string): Bucket<Request> {
    const stopWaiting = this.#clock.after(gatherMs, () => this.#endPatience(bucket));
    const opened = { requests: new Map<string, Request>(), stopWaiting };
    this.#waiting.set(bucket, opened);
    return opened;
  }

  /** Nobody waits any more, for this bucket or others, for those who have not asked for this one. */
  #endPatience(bucket: string): void {
    for (const peer of this.#expected) if (!this.#hasAsked(bucket, peer)) this.#expected.delete(peer);
    for (const other of this.#waiting.keys()) if (this.#isComplete(other)) this.#makeDue(other);
  }

  #isComplete(bucket: string): boolean {
    return [...this.#expected].every((peer) => this.#hasAsked(bucket, peer));
  }

  #hasAsked(bucket: string, peer: string): boolean {
    return (this.#waiting.get(bucket)?.requests.has(peer) || this.#answered.get(bucket)?.has(peer)) ?? false;
  }

  #makeDue(bucket: string): void {
    this.#due.add(bucket);
    this.#onDue();
  }
}
