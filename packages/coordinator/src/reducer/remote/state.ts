/**
 * The state between two steps on its way to a reducer's process and back, bucket by bucket as everything in bulk. What it
 * keeps true: both ends mean the same by a bucket of the state, and each has of it what its buckets say and no more.
 */
import type { Version } from '@unet-fleet/law';
import type { BulkInbox, BulkKey, BulkOutbox } from '@unet-fleet/wire';
import type { ModelState } from '../bucket-owner.ts';
import type { StateShare } from '../share.ts';

/** Which state: what a reducer begins with at a version (snapshot 0), or a snapshot of one (version 0). */
export interface StateName {
  term: number;
  version: Version;
  snapshot: number;
}

interface Part {
  key: BulkKey;
  bucket: number;
  bytes: Uint8Array;
}

/** Where they are, each may be fetched until they are withdrawn. */
export function offerState(outbox: BulkOutbox, name: StateName, state: ModelState, share: StateShare): void {
  for (const { key, bucket, bytes } of partsOf(name, state, share)) outbox.offer(key, bucket, bytes);
}

/** Fills its share of the state. Rejects with FetchError. */
export async function fetchState(
  inbox: BulkInbox,
  peer: string,
  name: StateName,
  state: ModelState,
  share: StateShare,
): Promise<void> {
  const fetches = partsOf(name, state, share).map(({ key, bucket, bytes }) =>
    inbox.fetch(peer, key, bucket, bytes),
  );
  // All of them: nobody writes into the vectors any more afterwards.
  const failed = (await Promise.allSettled(fetches)).find(({ status }) => status === 'rejected');
  if (failed) throw (failed as PromiseRejectedResult).reason;
}

/** Whether an offer is of this snapshot. */
export const isOfSnapshot = ({ kind, index }: BulkKey, snapshot: number): boolean =>
  kind === 'state' && index === snapshot;

function partsOf(
  { term, version, snapshot }: StateName,
  { parameters, statistics, slots }: ModelState,
  share: StateShare,
): Part[] {
  // Nothing of a state may be rounded, however gradients and weights travel.
  const keyAt = (level: number): BulkKey => ({
    ...{ kind: 'state', term, version, level, index: snapshot, format: 'float32' },
  });
  const parts = share.buckets.flatMap(({ id, offset, length }) =>
    [parameters, ...slots].map((vector, level) => ({
      key: keyAt(level),
      bucket: id,
      bytes: bytesOf(vector.subarray(offset, offset + length)),
    })),
  );
  if (share.statistics === null) return parts;
  return [...parts, { key: keyAt(0), bucket: share.statistics, bytes: bytesOf(statistics) }];
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
