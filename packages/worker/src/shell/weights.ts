/**
 * The weights that this worker holds: of one version, in memory shared with the compute thread. While a newer version
 * is being fetched it holds none, so a leaf can never be computed with a mixture.
 */
import { type Bucket, type ModelDescription, parameterBuckets, reducerOfBucket } from '@unet-fleet/law';
import { type BulkInbox, type BulkKey, reducerPeer } from '@unet-fleet/wire';

export class Weights {
  readonly parameters: Float32Array;
  readonly statistics: Float32Array;
  readonly #inbox: BulkInbox;
  readonly #term: number;
  /** What there is to fetch, of whom, and where it goes. */
  readonly #parts: { owner: string; bucket: number; into: Uint8Array }[];
  #version: number | null = null;

  constructor(
    { numParameters, numStatistics }: Pick<ModelDescription, 'numParameters' | 'numStatistics'>,
    inbox: BulkInbox,
    term: number,
    numReducers: number,
    buckets: readonly Bucket[] = parameterBuckets(numParameters),
  ) {
    this.parameters = new Float32Array(new SharedArrayBuffer(numParameters * 4));
    this.statistics = new Float32Array(new SharedArrayBuffer(numStatistics * 4));
    this.#inbox = inbox;
    this.#term = term;
    this.#parts = buckets.map(({ id, offset, length }) => ({
      owner: reducerPeer(term, reducerOfBucket(id, numReducers)),
      bucket: id,
      into: new Uint8Array(this.parameters.buffer, offset * 4, length * 4),
    }));
    // Under the number after those of the parameters.
    const statistics = new Uint8Array(this.statistics.buffer);
    this.#parts.push({ owner: reducerPeer(term, 0), bucket: buckets.length, into: statistics });
  }

  /** Fetches the version unless it is here. True when it was fetched. Rejects with FetchError. */
  async update(version: number): Promise<boolean> {
    if (this.#version === version) return false;
    this.#version = null;
    const key: BulkKey = { kind: 'weights', term: this.#term, version, level: 0, index: 0 };
    const fetches = this.#parts.map(({ owner, bucket, into }) => this.#inbox.fetch(owner, key, bucket, into));
    const failed = (await Promise.allSettled(fetches)).find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    this.#version = version;
    return true;
  }
}
