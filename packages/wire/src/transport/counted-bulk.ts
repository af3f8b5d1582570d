/** Counts what a peer hands over and what it is handed, in bytes as they travel; frames and their headers are not counted. */
import type { BulkInbox, BulkOutbox, EarlyInbox } from './bulk.ts';

/** `onBytes` is told of each bucket that was offered. */
export const countedOutbox = (outbox: BulkOutbox, onBytes: (numBytes: number) => void): BulkOutbox => ({
  isReadEarly: outbox.isReadEarly,
  offer(key, bucket, bytes) {
    outbox.offer(key, bucket, bytes);
    onBytes(bytes.byteLength);
  },
  withdraw: (keep) => outbox.withdraw(keep),
  close: () => outbox.close(),
});

/** `onBytes` is told of each bucket that has arrived whole, early or not. */
export const countedInbox = (inbox: BulkInbox, onBytes: (numBytes: number) => void): BulkInbox => ({
  async fetch(peer, key, bucket, into) {
    await inbox.fetch(peer, key, bucket, into);
    onBytes(into.byteLength);
  },
  early: inbox.early && countedEarlyInbox(inbox.early, onBytes),
  close: () => inbox.close(),
});

const countedEarlyInbox = (early: EarlyInbox, onBytes: (numBytes: number) => void): EarlyInbox => ({
  takeIfThere(peer, key, bucket, into) {
    const mark = early.takeIfThere(peer, key, bucket, into);
    if (mark) onBytes(into.byteLength);
    return mark;
  },
  stands: (...offer) => early.stands(...offer),
});
