/**
 * What of the model each reducer has, be it a thread of the coordinator or in another process. What it keeps true: buckets
 * are dealt out by the number of reducers alone, so both ends of a call know the same.
 */
import {
  type Bucket,
  type ModelDescription,
  parameterBuckets,
  reducerOfBucket,
  statisticsBucketId,
} from '@unet-fleet/law';
import type { ReducerOptions } from './reducer.ts';

/** What of the state a reducer has. */
export interface StateShare {
  buckets: readonly Bucket[];
  /** Id of their bucket; null where they are another's. */
  statistics: number | null;
}

export function shareOf(
  { numParameters }: Pick<ModelDescription, 'numParameters'>,
  reducer: number,
  numReducers: number,
): StateShare {
  return {
    buckets: parameterBuckets(numParameters).filter(({ id }) => reducerOfBucket(id, numReducers) === reducer),
    statistics: reducer === 0 ? statisticsBucketId(numParameters) : null,
  };
}

/** The same as a reducer is told of it when it is made. */
export const ownedIn = (
  { buckets, statistics }: StateShare,
  numStatistics: number,
): Pick<ReducerOptions, 'buckets' | 'statistics'> => ({
  buckets: [...buckets],
  statistics: statistics === null ? null : { bucketId: statistics, numStatistics },
});
