/**
 * Bulk transfer is pull: who has values offers them, who needs them fetches bucket by bucket. A fetch in flight is
 * the receiver's credit to the sender, so nothing is ever sent that the receiver has no room for; a lost frame is
 * asked for again, a duplicate is harmless, and a sender keeps no state about its receivers. Two carriers implement
 * it: NATS (nats-inbox.ts, nats-outbox.ts) and, between processes of one host, files on tmpfs (shm-bulk.ts).
 */
import { type Clock, pause } from '@unet-fleet/shared';
import type { BulkKey } from './frame.ts';

export interface BulkOutbox {
  /** What is offered may be taken over at once, before anybody is told of it. */
  readonly isReadEarly?: boolean;
  /**
   * Makes a bucket available to fetch. The NATS carrier keeps a reference: the bytes must stay as they are until
   * they are withdrawn or offered anew under another key.
   */
  offer(key: BulkKey, bucket: number, bytes: Uint8Array): void;
  /** Forgets every offer whose key does not pass. */
  withdraw(keep: (key: BulkKey) => boolean): void;
  close(): Promise<void>;
}

export interface BulkInbox {
  /** Fills `into` with the bucket. Rejects with FetchError when the peer does not have it or does not answer. */
  fetch(peer: string, key: BulkKey, bucket: number, into: Uint8Array): Promise<void>;
  /** Absent where each look would be a message. */
  readonly early?: EarlyInbox;
  close(): Promise<void>;
}

/** What may be offered before anybody says so, and is looked for while something else goes on. */
export interface EarlyInbox {
  /** Fills `into` if the peer offers the bucket now, and returns a mark of that very offer; else null. */
  takeIfThere(peer: string, key: BulkKey, bucket: number, into: Uint8Array): OfferMark | null;
  /** Whether that offer still stands: what was taken is what a fetch would give now. */
  stands(peer: string, key: BulkKey, bucket: number, mark: OfferMark): boolean;
}

export type OfferMark = Uint8Array;

/** Nobody waits for longer for what may come; whoever needs it fetches it. */
const earlyPatienceMs = 60_000;

/**
 * Looks again and again, the less often the longer nothing comes. True once `look` has found it; false when it is no longer
 * wanted, or in vain.
 */
export async function lookUntilThere(
  look: () => boolean,
  isWanted: () => boolean,
  clock: Clock,
): Promise<boolean> {
  const beganMs = clock.now();
  while (isWanted()) {
    if (look()) return true;
    const waitedMs = clock.now() - beganMs;
    if (waitedMs > earlyPatienceMs) return false;
    await pause(clock, Math.max(1, Math.ceil(waitedMs / 16)));
  }
  return false;
}

/** An operating fault of a transfer: the peer is gone, or has moved on. The caller decides what is leased again. */
export class FetchError extends Error {
  readonly reason: 'absent' | 'timeout' | 'closed' | 'damaged';
  constructor(reason: FetchError['reason'], message: string) {
    super(message);
    this.name = 'FetchError';
    this.reason = reason;
  }
}
