/**
 * The weights that this worker holds: of one version, in memory shared with the compute thread, which computes with them
 * where they lie. What this file keeps true: a newer version is fetched into a second place, and counts when all of it is
 * there, so nothing is ever computed with a mixture.
 */
import {
  type Bucket,
  type ModelDescription,
  parameterBuckets,
  reducerOfBucket,
  type ValueFormat,
} from '@unet-fleet/law';
import { type FloatVector, NumericMemory, packedPlace, unpack } from '@unet-fleet/numerics';
import { type Clock, realClock } from '@unet-fleet/shared';
import { type BulkInbox, type BulkKey, type EarlyInbox, lookUntilThere } from '@unet-fleet/wire';

/** The model's flat vectors, of one version. */
interface Place {
  parameters: FloatVector;
  statistics: FloatVector;
}

/** One bucket: of whom it is, and which values it has in the place of a version. */
interface Part {
  owner: string;
  bucket: number;
  format: ValueFormat;
  valuesIn(place: Place): FloatVector;
}

interface Coming {
  version: number;
  /** Buckets that are here. */
  here: Set<number>;
}

export interface WeightsOptions {
  buckets?: readonly Bucket[];
  /** Shared with the compute thread, and aligned, so that the engine need not copy the weights. */
  memory?: NumericMemory;
  clock?: Clock;
}

export class Weights {
  readonly #inbox: BulkInbox;
  readonly #term: number;
  /** What there is to fetch: the buckets of the parameters, and at last the statistics. */
  readonly #parts: Part[];
  #current: Place;
  /** Where the next version goes; the engine still computes in the other. */
  #next: Place;
  #version: number | null = null;
  /** What is fetched early; null for nothing. */
  #coming: Coming | null = null;
  readonly #clock: Clock;

  /** `format`: in which the parameters travel. */
  constructor(
    { numParameters, numStatistics }: Pick<ModelDescription, 'numParameters' | 'numStatistics'>,
    inbox: BulkInbox,
    term: number,
    /** As peers, in their order. */
    reducers: readonly string[],
    format: ValueFormat,
    {
      buckets = parameterBuckets(numParameters),
      memory = new NumericMemory({ shared: true }),
      clock = realClock,
    }: WeightsOptions = {},
  ) {
    this.#clock = clock;
    const place = (): Place => ({
      parameters: memory.allocate(numParameters),
      statistics: memory.allocate(numStatistics),
    });
    this.#current = place();
    this.#next = place();
    this.#inbox = inbox;
    this.#term = term;
    this.#parts = buckets.map(({ id, offset, length }) => ({
      owner: reducers[reducerOfBucket(id, reducers.length)]!,
      bucket: id,
      format,
      valuesIn: ({ parameters }) => parameters.part(offset, length),
    }));
    // Under the number after those of the parameters, of the first reducer.
    this.#parts.push({
      owner: reducers[0]!,
      bucket: buckets.length,
      format: 'float32',
      valuesIn: ({ statistics }) => statistics,
    });
  }

  get parameters(): Float32Array {
    return this.#current.parameters.view;
  }

  get statistics(): Float32Array {
    return this.#current.statistics.view;
  }

  /**
   * Fetches the version beside whatever goes on, bucket by bucket as the reducers apply it, until all is there or `update`
   * is called for another. Where each look would be a message nothing is fetched early. To be called when the engine has
   * been given the version that is here.
   */
  expect(version: number): void {
    const { early } = this.#inbox;
    if (!early || this.#version === version || this.#coming?.version === version) return;
    const coming: Coming = { version, here: new Set() };
    this.#coming = coming;
    for (const owner of new Set(this.#parts.map((part) => part.owner))) {
      // A reducer offers its buckets in their order.
      const parts = this.#parts.filter((part) => part.owner === owner);
      void this.#takeOver(early, parts, coming);
    }
  }

  async #takeOver(early: EarlyInbox, parts: Part[], coming: Coming): Promise<void> {
    const isWanted = () => this.#coming === coming;
    for (const { owner, bucket, format, valuesIn } of parts) {
      const key = this.#keyOf(coming.version, format);
      const look = () => {
        const values = valuesIn(this.#next);
        const isThere = early.takeIfThere(owner, key, bucket, packedPlace(values, format)) !== null;
        if (!isThere) return false;
        unpack(values, format);
        coming.here.add(bucket);
        return true;
      };
      if (!(await lookUntilThere(look, isWanted, this.#clock))) return;
    }
  }

  /** Fetches the version unless it is here. True when it was fetched. Rejects with FetchError. */
  async update(version: number): Promise<boolean> {
    const here = this.#coming?.version === version ? this.#coming.here : new Set<number>();
    if (this.#version === version) return false;
    // From now on nothing is written but by these fetches.
    this.#coming = null;
    const fetches = this.#parts
      .filter(({ bucket }) => !here.has(bucket))
      .map(async ({ owner, bucket, format, valuesIn }) => {
        const values = valuesIn(this.#next);
        await this.#inbox.fetch(owner, this.#keyOf(version, format), bucket, packedPlace(values, format));
        unpack(values, format);
      });
    const failed = (await Promise.allSettled(fetches)).find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    [this.#current, this.#next] = [this.#next, this.#current];
    this.#version = version;
    return true;
  }

  #keyOf(version: number, format: ValueFormat): BulkKey {
    return { kind: 'weights', term: this.#term, version, level: 0, index: 0, format };
  }
}
