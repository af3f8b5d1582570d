/**
 * The weights that this worker holds: of one version, in memory shared with the compute thread. While a newer version
 * is being fetched it holds none, so a leaf can never be computed with a mixture.
 */
import {
  type ModelDescription,
  parameterBuckets,
  reducerOfBucket,
  statisticsBucketId,
} from '@unet-fleet/law';
import { type BulkInbox, type BulkKey, reducerPeer } from '@unet-fleet/wire';

export class Weights {
  readonly parameters: Float32Array;
  readonly statistics: Float32Array;
  readonly #inbox: BulkInbox;
  readonly #term: number;
  readonly #numReducers: number;
  #version: number | null = null;

  constructor(model: ModelDescription, inbox: BulkInbox, term: number, numReducers: number) {
    this.parameters = new Float32Array(new SharedArrayBuffer(model.numParameters * 4));
    this.statistics = new Float32Array(new SharedArrayBuffer(model.numStatistics * 4));
    this.#inbox = inbox;
    this.#term = term;
    this.#numReducers = numReducers;
  }

  /** Fetches the version unless it is here. True when it was fetched. Rejects with FetchError. */
  async update(version: number): Promise<boolean> {
    if (this.#version === version) return false;
    this.#version = null;
    const key: BulkKey = { kind: 'weights', term: this.#term, version, level: 0, index: 0 };
    const { buffer, length } = this.parameters;
    const fetches = parameterBuckets(length).map((bucket) =>
      this.#fetch(key, bucket.id, new Uint8Array(buffer, bucket.offset * 4, bucket.length * 4)),
    );
    fetches.push(this.#fetch(key, statisticsBucketId(length), new Uint8Array(this.statistics.buffer)));
    const failed = (await Promise.allSettled(fetches)).find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    this.#version = version;
    return true;
  }

  #fetch(key: BulkKey, bucket: number, into: Uint8Array): Promise<void> {
    const owner =
      bucket === statisticsBucketId(this.parameters.length) ? 0 : reducerOfBucket(bucket, this.#numReducers);
    return this.#inbox.fetch(reducerPeer(this.#term, owner), key, bucket, into);
  }
}
