/**
 * The weights that this worker holds: of one version, as they travel, in memory shared with the compute thread. While a
 * newer version is being fetched it holds none, so a leaf can never be computed with a mixture.
 */
import {
  type Bucket,
  type ModelDescription,
  parameterBuckets,
  reducerOfBucket,
  type ValueFormat,
} from '@unet-fleet/law';
import { NumericMemory, packedPlace, unpack } from '@unet-fleet/numerics';
import type { BulkInbox } from '@unet-fleet/wire';

/** One bucket: of whom it is, where its bytes go, and what makes values of them. */
interface Part {
  owner: string;
  bucket: number;
  format: ValueFormat;
  into: Uint8Array;
  unpack(): void;
}

export class Weights {
  readonly parameters: Float32Array;
  readonly statistics: Float32Array;
  readonly #inbox: BulkInbox;
  readonly #term: number;
  /** What there is to fetch, of whom, and where it goes. */
  readonly #parts: Part[];
  #version: number | null = null;

  constructor(
    { numParameters, numStatistics }: Pick<ModelDescription, 'numParameters' | 'numStatistics'>,
    inbox: BulkInbox,
    term: number,
    /** As peers, in their order. */
    reducers: readonly string[],
    format: ValueFormat,
    buckets: readonly Bucket[] = parameterBuckets(numParameters),
  ) {
    const memory = new NumericMemory({ shared: true });
    const parameters = memory.allocate(numParameters);
    this.parameters = parameters.view;
    this.statistics = new Float32Array(new SharedArrayBuffer(numStatistics * 4));
    this.#inbox = inbox;
    this.#term = term;
    this.#parts = buckets.map(({ id, offset, length }) => {
      const values = parameters.part(offset, length);
      return {
        owner: reducers[reducerOfBucket(id, reducers.length)]!,
        bucket: id,
        format,
        into: packedPlace(values, format),
        unpack: () => unpack(values, format),
      };
    });
    // Under the number after those of the parameters.
    const statistics = new Uint8Array(this.statistics.buffer);
    this.#parts.push({
      owner: reducers[0]!,
      bucket: buckets.length,
      format: 'float32',
      into: statistics,
      unpack() {},
    });
  }

  /** Fetches the version unless it is here. True when it was fetched. Rejects with FetchError. */
  async update(version: number): Promise<boolean> {
    if (this.#version === version) return false;
    this.#version = null;
    const key = { kind: 'weights', term: this.#term, version, level: 0, index: 0 } as const;
    const fetches = this.#parts.map(async ({ owner, bucket, format, into, unpack }) => {
      await this.#inbox.fetch(owner, { ...key, format }, bucket, into);
      unpack();
    });
    const failed = (await Promise.allSettled(fetches)).find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    this.#version = version;
    return true;
  }
}
