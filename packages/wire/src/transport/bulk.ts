/**
 * Bulk transfer is pull: who has values offers them, who needs them fetches bucket by bucket. A fetch in flight is
 * the receiver's credit to the sender, so nothing is ever sent that the receiver has no room for; a lost frame is
 * asked for again, a duplicate is harmless, and a sender keeps no state about its receivers. Two carriers implement
 * it: NATS (nats-inbox.ts, nats-outbox.ts) and, between processes of one host, files on tmpfs (shm-bulk.ts).
 */
import type { BulkKey } from './frame.ts';

export interface BulkOutbox {
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
  close(): Promise<void>;
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
